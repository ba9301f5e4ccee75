import { MultiBar, type SingleBar } from 'cli-progress';

/** What the demo says: lines, with a progress bar below them on a terminal. */
export class Report {
  private bars =
    process.stdout.isTTY === true
      ? new MultiBar({ format: '{bar} {value}/{total} {step}', hideCursor: true, clearOnComplete: true, gracefulExit: false })
      : undefined;
  private bar: SingleBar | undefined;

  /** How many writes are to come. */
  begin(total: number): void {
    this.bar = this.bars?.create(total, 0, { step: '' });
  }

  step(step: string): void {
    this.bar?.increment(1, { step });
  }

  line(text = ''): void {
    if (this.bars === undefined) console.log(text);
    else this.bars.log(`${text}\n`);
  }

  /** Takes the bar away; lines may still follow. Safe to call twice. */
  end(): void {
    // Lines wait for the next drawing, and stopping does not draw.
    this.bars?.update();
    this.bars?.stop();
    this.bars = undefined;
  }
}

/** Columns as wide as their widest cell; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const cell = (value: string | number, column: number) =>
    typeof value === 'number' || /^[\d.]+( ms)?$/.test(value)
      ? String(value).padStart(widths[column]!)
      : value.padEnd(widths[column]!);
  return rows.map((row) => `  ${row.map(cell).join('  ')}`.trimEnd()).join('\n');
}
