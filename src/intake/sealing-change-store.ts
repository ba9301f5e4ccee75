import { FhirError } from '../fhir/fhir-error.js';
import { sameContent } from '../fhir/stamp-resource.js';
import type { KeyRegister } from '../secrets/key-register.js';
import type { KeyRing } from '../secrets/key-ring.js';
import { mayHoldSecrets } from '../secrets/secret-places.js';
import { type SealedResource, SecretUnreadable, type Vault } from '../secrets/vault.js';
import { ChangeStore, type ResourceToStore, type Write, type WriteOutcome, type WriteUnit } from './change-store.js';

/** Tries to store under a key that a rotation has not just dropped. */
const ATTEMPTS = 3;

/**
 * The door into the change log as all of the hub's parts know it: whatever way a Subscription or an Endpoint comes in, its secrets are
 * sealed before it is stored, and opened again in what is given back to the writer. Other writes pass at the price of a look at their type.
 */
export class SealingChangeStore extends ChangeStore {
  private readonly entered = new Set<string>();

  constructor(
    private readonly store: ChangeStore,
    private readonly vault: Vault,
    private readonly keys: KeyRing,
    private readonly register: KeyRegister,
    private readonly told: (error: Error) => void,
  ) {
    super();
  }

  async write(unit: WriteUnit): Promise<WriteOutcome[]> {
    if (!unit.writes.some(mayHold)) return this.store.write(unit);
    const outcomes = await this.storeSealed(unit, ({ type, id, text }) => this.vault.seal(type, id, text));
    return outcomes.map((outcome) => this.opened(outcome));
  }

  /** For the hub's own versions, made of stored texts: these stay sealed as they are, unless their key has been replaced. */
  readonly ofStoredTexts: ChangeStore = {
    write: (unit) => this.storeSealed(unit, ({ type, id, text }) => this.vault.renew(type, id, text)),
  };

  private async storeSealed(
    unit: WriteUnit,
    seal: (resource: ResourceToStore) => SealedResource | undefined,
  ): Promise<WriteOutcome[]> {
    for (let attempt = 1; ; attempt += 1) {
      const writes = unit.writes.map((write) => (mayHold(write) ? this.sealed(write, seal) : write));
      const keyIds = new Set(writes.flatMap((write) => (write.kind !== 'delete' && write.resource.sealed?.keyId) || []));
      for (const keyId of keyIds) await this.enter(keyId);
      try {
        return await this.store.write({ ...unit, writes, ...(keyIds.size > 0 ? { sealed: true } : {}) });
      } catch (error) {
        if (!this.register.isMissing(error)) throw error;
        this.entered.clear();
        if (attempt >= ATTEMPTS) throw this.refusal(error as Error);
      }
    }
  }

  private sealed(
    write: Exclude<Write, { kind: 'delete' }>,
    seal: (resource: ResourceToStore) => SealedResource | undefined,
  ): Write {
    const { resource } = write;
    const { type, id } = resource;
    const sealed = seal(resource);
    if (sealed === undefined) return write;
    // Every sealing of the same text looks different, so what counts as the same is said by the plain ones.
    const sameAs = (stored: string) => this.saysTheSame(type, id, stored, sealed.text);
    const value = JSON.parse(sealed.text) as Record<string, unknown>;
    return { ...write, resource: { type, id, text: sealed.text, value, sealed: { keyId: sealed.keyId, sameAs } } };
  }

  private saysTheSame(type: string, id: string, stored: string, sealed: string): boolean {
    try {
      return sameContent(this.vault.open(type, id, stored), this.vault.open(type, id, sealed));
    } catch (error) {
      // What is stored cannot be opened: the new version takes its place.
      if (error instanceof SecretUnreadable) return false;
      throw error;
    }
  }

  private async enter(keyId: string): Promise<void> {
    if (this.entered.has(keyId)) return;
    if (!(await this.register.enter(keyId, this.keys.ids)))
      throw this.refusal(new Error(`The database holds secrets sealed under a key that ${this.keys.name} does not have`));
    this.entered.add(keyId);
  }

  private opened(outcome: WriteOutcome): WriteOutcome {
    if (outcome.kind === 'absent') return outcome;
    const { type, id, body } = outcome.change;
    if (!mayHoldSecrets(type) || body === null) return outcome;
    return { ...outcome, change: { ...outcome.change, body: this.vault.open(type, id, body) } };
  }

  private refusal(error: Error): FhirError {
    this.told(error);
    return new FhirError('transient', 'The hub has no key to keep secrets with; its log says why', undefined, {
      headers: { 'Retry-After': '5' },
    });
  }
}

function mayHold(write: Write): write is Exclude<Write, { kind: 'delete' }> {
  return write.kind !== 'delete' && mayHoldSecrets(write.resource.type);
}
