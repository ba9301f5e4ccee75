import type { SearchSemantics } from '../search/search-semantics.js';
import type { MatchingRecorder } from '../telemetry/matching-recorder.js';

/** The same meaning of search, with the time that extraction takes told to `recorder`. */
export function measuredSemantics(semantics: SearchSemantics, recorder: MatchingRecorder): SearchSemantics {
  const extract = (...asked: Parameters<SearchSemantics['extract']>) => {
    const begun = performance.now();
    const values = semantics.extract(...asked);
    recorder.extracted(performance.now() - begun);
    return values;
  };
  return Object.assign(Object.create(semantics) as SearchSemantics, { extract });
}
