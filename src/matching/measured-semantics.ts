import type { SearchSemantics } from '../search/search-semantics.js';
import type { ExtractedValues, ParameterValues } from '../search/values.js';
import type { MatchingRecorder } from '../telemetry/matching-recorder.js';

/** Values are extracted one by one when they are asked for, so timing costs a tenth of the work: one resource of so many stands for all. */
const TIMED_OF = 16;

/** The same meaning of search, with the time that extraction takes told to `recorder`, as one resource of {@link TIMED_OF} shows it. */
export function measuredSemantics(
  semantics: SearchSemantics,
  recorder: Pick<MatchingRecorder, 'extracted'>,
  now: () => number = () => performance.now(),
): SearchSemantics {
  let asked = 0;
  const extract = (...of: Parameters<SearchSemantics['extract']>) => {
    const values = semantics.extract(...of);
    asked = (asked + 1) % TIMED_OF;
    return asked === 0 ? new TimedValues(values, (milliseconds) => recorder.extracted(milliseconds * TIMED_OF), now) : values;
  };
  return Object.assign(Object.create(semantics) as SearchSemantics, { extract });
}

class TimedValues implements ExtractedValues {
  constructor(
    private readonly values: ExtractedValues,
    private readonly tell: (milliseconds: number) => void,
    private readonly now: () => number,
  ) {}

  get resourceType(): string {
    return this.values.resourceType;
  }

  get(code: string): ParameterValues | undefined {
    return this.timed(() => this.values.get(code));
  }

  *entries(): Iterable<[string, ParameterValues]> {
    const all = this.values.entries()[Symbol.iterator]();
    for (;;) {
      const next = this.timed(() => all.next());
      if (next.done) return;
      yield next.value;
    }
  }

  private timed<T>(work: () => T): T {
    const begun = this.now();
    const found = work();
    this.tell(this.now() - begun);
    return found;
  }
}
