import type { SecretKey } from './secret-key.js';

/** Where keys come from. The first one seals, all of them open. */
export abstract class KeySource {
  /** @throws KeysUnusable */
  abstract read(): readonly SecretKey[];
  /** Whether it says something else than when it was last read. Cheap: asked before each sealing. */
  abstract hasChanged(): boolean;
  /** For people: the setting or the file. */
  abstract readonly name: string;
}

/** The keys, or the way to them, are such that the hub must not start; the message is one line without any key in it. */
export class KeysUnusable extends Error {
  override readonly name = 'KeysUnusable';
}

/** Keys of a setting. */
export class ListedKeys extends KeySource {
  constructor(
    private readonly keys: readonly SecretKey[],
    readonly name: string,
  ) {
    super();
  }

  read(): readonly SecretKey[] {
    return this.keys;
  }

  hasChanged(): boolean {
    return false;
  }
}

/**
 * The keys at hand. Follows its source, so that a rotation needs no restart, and forgets none that it ever had: what was read a moment
 * before a rotation can still be opened after it.
 */
export class KeyRing {
  private readonly known = new Map<string, SecretKey>();
  private first!: SecretKey;

  /** @throws KeysUnusable */
  constructor(private readonly source: KeySource) {
    this.take(source.read());
  }

  get name(): string {
    return this.source.name;
  }

  get ids(): ReadonlySet<string> {
    return new Set(this.known.keys());
  }

  sealing(): SecretKey {
    this.follow();
    return this.first;
  }

  opening(id: string): SecretKey | undefined {
    if (!this.known.has(id)) this.follow();
    return this.known.get(id);
  }

  /** A source that cannot be read just now changes nothing. */
  private follow(): void {
    if (!this.source.hasChanged()) return;
    try {
      this.take(this.source.read());
    } catch {
      // Whoever starts or rotates is told; those who work go on with what they have.
    }
  }

  private take(keys: readonly SecretKey[]): void {
    for (const key of keys) this.known.set(key.id, key);
    this.first = keys[0]!;
  }
}
