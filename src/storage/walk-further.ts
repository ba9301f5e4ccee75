/** What walking came to: of so many resources looked at in order, so many match, and so many more are wanted. */
export interface WalkSoFar {
  lookedAt: number;
  met: number;
  wanted: number;
}

/**
 * How many resources a walk that did not fill its page should look at next; undefined where it would be more than `most`. What was met so often is met as
 * often further on, and half as many more are allowed for chance.
 */
export function walkFurther({ lookedAt, met, wanted }: WalkSoFar, most: number): number | undefined {
  if (met === 0) return undefined;
  const further = Math.ceil((lookedAt / met) * wanted * 1.5);
  return further > most ? undefined : further;
}
