import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Keys and certificates for tests, made once by openssl with a life until 2120. `server`, `other-name`, `expired` (in 2020) and `client` are
 * signed by `ca`, whose key is gone; `self-signed` by itself. `server` stands for hooks.example and 127.0.0.1, `other-name` for other.example.
 * The passphrase of `client.encrypted` is `test-passphrase`. They protect nothing.
 */
export type TlsFile =
  `${'server' | 'other-name' | 'expired' | 'client' | 'self-signed'}.${'cert' | 'key'}` | 'ca.cert' | 'client.encrypted.key';

export const tlsPath = (name: TlsFile): string => fileURLToPath(new URL(`./tls/${name}.pem`, import.meta.url));
export const tlsText = (name: TlsFile): string => readFileSync(tlsPath(name), 'utf8');
