/** Whether the hub can do its work at the moment. */
export abstract class Readiness {
  /** A word for each thing that is missing; empty when the hub is ready. */
  abstract missing(): Promise<string[]>;
}
