import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** One setting: the environment variable it is read from, what may stand there, and what holds when it is absent or empty. */
export interface Setting<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** As it would be written in the environment; undefined where absence means something of its own. */
  readonly fallback: string | undefined;
}

/** Declares a setting; `fallback` is written as in the environment and goes through the same check. */
export function setting<T>(name: string, schema: z.ZodType<T>, fallback?: string): Setting<T> {
  return { name, schema, fallback };
}

export const text = z.string();

/** `postgres://…`; the value is not repeated in the complaint, as it may hold a password. */
export const optionalUrl = z.string().optional();

/** The value is not repeated in the complaint, as it may hold a password. */
export const smtpUrl = z
  .string()
  .refine(
    (written) => /^smtps?:$/.test(URL.parse(written)?.protocol ?? ''),
    'must begin with smtp:// or smtps:// and name a server, for example smtp://user:password@mail.example.org:587',
  )
  .optional();

export const mailAddress = z
  .string()
  .regex(/^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/, 'must be one mail address, for example hub@example.org');

export const port = wholeNumber(1, 65_535);

/** A whole number between two bounds, in decimal digits. */
export function wholeNumber(low: number, high: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number between ${low} and ${high}`)
    .transform(Number)
    .refine((value) => value >= low && value <= high, `must be a whole number between ${low} and ${high}`);
}

/** A decimal number between two bounds, such as `2.5`. */
export function decimalNumber(low: number, high: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, `must be a number between ${low} and ${high}`)
    .transform(Number)
    .refine((value) => value >= low && value <= high, `must be a number between ${low} and ${high}`);
}

const UNITS: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** A number of bytes: `4096`, `512 KiB`, `16 MiB`, `1 GiB`. */
export function byteSize(low: number, high: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,12} ?(KiB|MiB|GiB)?$/, 'must be a number of bytes such as 65536 or 16 MiB')
    .transform((written) => parseInt(written, 10) * UNITS[written.replace(/[\d ]/g, '')]!)
    .refine((value) => value >= low && value <= high, `must lie between ${low} and ${high} bytes`);
}

export function oneOf<const T extends string>(...words: readonly T[]): z.ZodType<T> {
  return z
    .string()
    .refine(
      (word): word is T => (words as readonly string[]).includes(word),
      `must be one of ${words.join(', ')}`,
    ) as z.ZodType<T>;
}

/** Blocks of addresses in CIDR form, separated by commas: `10.20.0.0/16, fd12:3456::/32`. */
export const addressBlocks: z.ZodType<readonly string[]> = z
  .string()
  .transform(listed)
  .refine(
    (blocks) => blocks.every((block) => ipaddr.isValidCIDR(block)),
    'must be address blocks such as 10.20.0.0/16, separated by commas',
  );

/** Keys of 32 bytes in base64, separated by commas. The value is not repeated in the complaint. */
export const secretKeys: z.ZodType<readonly string[] | undefined> = z
  .string()
  .transform((written) => written.split(',').map((key) => key.trim()))
  .refine(
    (keys) => keys.every((key) => /^[A-Za-z0-9+/]{43}=$/.test(key) && Buffer.from(key, 'base64').toString('base64') === key),
    'must be the base64 of 32 bytes, for example from: openssl rand -base64 32 (several of them separated by commas)',
  )
  .optional();

/** Ports separated by commas: `25, 587`. */
export const portList: z.ZodType<readonly number[]> = z
  .string()
  .regex(/^(\d{1,5}( *, *\d{1,5})*)?$/, 'must be ports such as 25, 587, separated by commas')
  .transform((written) => (written === '' ? [] : written.split(',').map(Number)))
  .refine((ports) => ports.every((one) => one >= 1 && one <= 65_535), 'must be ports between 1 and 65535');

/** `*`, `loopback`, `none` or origins such as `https://app.example`, separated by commas. */
export const originList = z.string().transform((written, context) => {
  const words = listed(written);
  const wrong = words.find(
    (word) => !['*', 'loopback', 'none'].includes(word) && (word.includes('*') || URL.parse(word)?.origin !== word),
  );
  if (wrong !== undefined || (words.length > 1 && words.includes('none'))) {
    context.addIssue({
      code: 'custom',
      message: 'must be *, loopback, none, or origins such as https://app.example, separated by commas',
    });
    return z.NEVER;
  }
  return words;
});

/** `*` or names of hosts such as `fhir.example.org`, without ports, separated by commas. */
export const hostList: z.ZodType<readonly string[]> = z
  .string()
  .transform(listed)
  .refine(
    (words) => words.every((word) => word === '*' || URL.parse(`http://${word}`)?.hostname === word.toLowerCase()),
    'must be * or names of hosts such as fhir.example.org, without ports, separated by commas',
  );

/** What stands between commas, without white space and without what is empty. */
function listed(written: string): string[] {
  return written
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
