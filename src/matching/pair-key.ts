/** One number for two keys, so that what is filed under both is found by one look. Two pairs may share it: whoever finds something verifies. */
export function pairKey(lead: number, partner: number): number {
  let mixed = Math.imul(lead | 0, 0x85ebca6b) ^ Math.imul((partner | 0) + 0x165667b1, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x27d4eb2f);
  mixed ^= mixed >>> 13;
  return mixed >>> 0;
}
