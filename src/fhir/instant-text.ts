let lastAt = Number.NaN;
let lastText = '';

/** A time as FHIR's instant. What is written together bears the same time, which is spelled out once. */
export function instantText(at: Date): string {
  const time = at.getTime();
  if (time !== lastAt) {
    lastText = at.toISOString();
    lastAt = time;
  }
  return lastText;
}
