/** A statement whose text depends on the shape of the query, every value of the client being a parameter. */
export interface SearchStatement {
  text: string;
  values: unknown[];
  /** Where its plan may be kept, whatever the values. */
  name?: string;
}

/** Keeps a value as the next parameter and gives its placeholder. */
export type Bind = (value: unknown) => string;

export class Bindings {
  private readonly values: unknown[] = [];
  readonly bind: Bind = (value) => `$${String(this.values.push(value))}`;

  statement(text: string): SearchStatement {
    return { text, values: this.values };
  }
}
