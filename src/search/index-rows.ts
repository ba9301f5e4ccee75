import type { ExtractedValues, IndexRows } from './values.js';

export function indexRowsOf(_values: ExtractedValues): IndexRows {
  throw new Error('being built');
}
