/**
 * The search parameter that tells when the care took place that a resource records: the first of these that its type has. Types with none,
 * such as Coverage, are no care of a date.
 */
const CARE_DATES = [
  'date',
  'onset-date',
  'occurrence',
  'effective-time',
  'effective',
  'whenhandedover',
  'event-date',
  'authored',
  'sent',
  'datetime',
  'datewritten',
  'started',
  'start-date',
  'collected',
  'identified',
  'recorded',
  'period',
  'created',
];

/** Undefined where the type has none. @param has whether the type has a search parameter of this name */
export function careDateOf(has: (code: string) => boolean): string | undefined {
  return CARE_DATES.find(has);
}
