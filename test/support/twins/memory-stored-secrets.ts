import { KeyRegister } from '../../../src/secrets/key-register.js';
import { type SealAgain, StoredSecrets, type StoredText } from '../../../src/secrets/stored-secrets.js';

class KeyMissing extends Error {}

/** The register of keys and what is sealed under them, as one table each. */
export class MemorySecrets {
  readonly keys: string[] = [];
  readonly versions: (StoredText & { keyId?: string; plain?: boolean })[] = [];

  /** As a hub stores a version. @throws where its key is not in the register */
  add(version: StoredText & { keyId?: string; plain?: boolean }): void {
    if (version.keyId !== undefined && !this.keys.includes(version.keyId)) throw new KeyMissing('no such key');
    this.versions.push(version);
  }
}

export class MemoryKeyRegister extends KeyRegister {
  constructor(private readonly secrets: MemorySecrets) {
    super();
  }

  ids(): Promise<readonly string[]> {
    return Promise.resolve([...this.secrets.keys]);
  }

  enter(id: string, own: ReadonlySet<string>): Promise<boolean> {
    if (this.secrets.keys.some((known) => !own.has(known))) return Promise.resolve(false);
    if (!this.secrets.keys.includes(id)) this.secrets.keys.push(id);
    return Promise.resolve(true);
  }

  isMissing(error: unknown): boolean {
    return error instanceof KeyMissing;
  }
}

export class MemoryStoredSecrets extends StoredSecrets {
  constructor(private readonly secrets: MemorySecrets) {
    super();
  }

  sealPlain(limit: number, seal: SealAgain): Promise<number> {
    const found = this.secrets.versions.filter(({ plain }) => plain === true).slice(0, limit);
    for (const version of found) {
      const sealed = seal(version);
      version.plain = false;
      if (sealed === undefined) continue;
      if (!this.secrets.keys.includes(sealed.keyId)) this.secrets.keys.push(sealed.keyId);
      Object.assign(version, { body: sealed.text, keyId: sealed.keyId });
    }
    return Promise.resolve(found.length);
  }

  sealAgain(keyId: string, limit: number, seal: SealAgain): Promise<number> {
    const found = this.secrets.versions
      .filter((version) => version.keyId !== undefined && version.keyId !== keyId)
      .slice(0, limit);
    const sealed = found.map((version) => seal(version));
    for (const [index, version] of found.entries()) {
      const again = sealed[index];
      if (again !== undefined) Object.assign(version, { body: again.text, keyId: again.keyId });
    }
    return Promise.resolve(found.length);
  }

  keepOnly(keyId: string): Promise<boolean> {
    if (this.secrets.versions.some((version) => version.keyId !== undefined && version.keyId !== keyId))
      return Promise.resolve(false);
    this.secrets.keys.splice(0, Infinity, ...this.secrets.keys.filter((id) => id === keyId));
    return Promise.resolve(true);
  }
}
