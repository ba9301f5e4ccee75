/** Something that has to be done now and then, by any process of the hub; harmless when two do it at once. */
export abstract class Chore {
  abstract readonly name: string;
  abstract readonly everySeconds: number;
  /** Says how much it found to do. */
  abstract run(): Promise<number>;
}
