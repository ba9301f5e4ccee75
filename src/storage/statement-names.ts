/**
 * Names for statements that are made as they are needed, so that each connection parses and plans them once. A name stands for one text for ever;
 * beyond so many texts there are no more names, since connections keep what was named.
 */
export class StatementNames {
  private readonly names = new Map<string, string>();

  constructor(
    private readonly prefix: string,
    private readonly most = 200,
  ) {}

  nameOf(text: string): string | undefined {
    let name = this.names.get(text);
    if (name === undefined && this.names.size < this.most) {
      name = `${this.prefix}-${String(this.names.size + 1)}`;
      this.names.set(text, name);
    }
    return name;
  }
}
