/**
 * How long fault tests run and with which seed: `FAULT_LENGTH=long npm run test:fault` runs the figures of the long form, `FAULT_SEED=…`
 * repeats what a failure printed. Read here and nowhere else.
 */
const isLong = process.env['FAULT_LENGTH'] === 'long';

/** The figure of the form that runs. */
export function byLength<T>(short: T, long: T): T {
  return isLong ? long : short;
}

export function seedOfRun(): number {
  const given = process.env['FAULT_SEED'];
  if (given === undefined) return Math.floor(Math.random() * 2 ** 31);
  if (!/^\d{1,10}$/.test(given)) throw new Error(`FAULT_SEED must be a whole number, not "${given}"`);
  return Number(given);
}
