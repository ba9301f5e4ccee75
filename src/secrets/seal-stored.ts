import type { StoredSecrets } from './stored-secrets.js';
import type { Vault } from './vault.js';

/** Versions that one transaction looks at: few enough that nobody waits for it. */
const AT_ONCE = 200;

/** Seals what a release without sealing stored in plain. Returns how many versions were looked at. */
export async function sealWhatIsPlain(stored: StoredSecrets, vault: Vault): Promise<number> {
  let total = 0;
  for (;;) {
    const looked = await stored.sealPlain(AT_ONCE, ({ type, id, body }) => vault.renew(type, id, body));
    if (looked === 0) return total;
    total += looked;
  }
}
