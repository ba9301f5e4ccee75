import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** The path of a PEM file with certificates; the value is what stands in it. */
export const certificateFile = pemFile((text) => {
  const blocks = [...text.matchAll(BLOCK)].filter(([, kind]) => kind === 'CERTIFICATE');
  if (blocks.length === 0) return 'holds no certificate (-----BEGIN CERTIFICATE-----)';
  return blocks.every(([block]) => isReadable(() => new X509Certificate(block))) ? undefined : 'holds a broken certificate';
});

/** The path of a PEM file with a private key, encrypted or not; the value is what stands in it. */
export const keyFile = pemFile((text) =>
  [...text.matchAll(BLOCK)].some(([, kind]) => kind!.endsWith('PRIVATE KEY'))
    ? undefined
    : 'holds no private key (-----BEGIN PRIVATE KEY-----)',
);

/** Why certificate and key cannot be used together, or undefined. */
export function keyPairProblem(certificate: string, key: string, passphrase: string | undefined): string | undefined {
  let read;
  try {
    read = createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    return passphrase === undefined
      ? 'cannot be read; if it is encrypted, name its passphrase'
      : 'cannot be read; is the passphrase right?';
  }
  const [first] = certificate.match(BLOCK) ?? [];
  return new X509Certificate(first!).checkPrivateKey(read) ? undefined : 'does not belong to the certificate';
}

function pemFile(problemOf: (text: string) => string | undefined): z.ZodType<string | undefined> {
  return z
    .string()
    .transform((path, context) => {
      let text = '';
      let problem: string | undefined;
      try {
        text = readFileSync(path, 'utf8');
        problem = problemOf(text);
      } catch (error) {
        problem = `cannot be read (${(error as NodeJS.ErrnoException).code})`;
      }
      if (problem !== undefined) context.addIssue({ code: 'custom', message: `${path} ${problem}` });
      return text;
    })
    .optional();
}

function isReadable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
