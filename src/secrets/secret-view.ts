import { mayHoldSecrets } from './secret-places.js';
import { maskSecrets, SecretUnreadable, type Vault } from './vault.js';

/** Who gets to see a resource: a client that reads it, or whoever hears of it in a notification. */
type Audience = 'reader' | 'subscriber';

/**
 * The one decision on who sees secrets as they are; everybody else sees a mask. The hub serves this machine alone and has no access
 * control yet, so a client that reads a Subscription or an Endpoint counts as its owner. A subscriber to changes of Subscriptions does not.
 */
function seesSecrets(audience: Audience): boolean {
  return audience === 'reader';
}

interface Shown<Body> {
  type: string;
  id: string;
  body: Body;
}

/** Stored resources as an audience may see them. */
export class SecretView {
  constructor(
    private readonly vault: Pick<Vault, 'open'>,
    private readonly audience: Audience,
    /** Told of secrets that cannot be opened; they are masked. */
    private readonly onUnreadable: (error: SecretUnreadable) => void = () => {},
  ) {}

  /** The very same object where there is nothing to open or to hide: every type but two. */
  show<T extends Shown<string | null>>(resource: T): T {
    const { type, id, body } = resource;
    if (!mayHoldSecrets(type) || body === null) return resource;
    const shown = seesSecrets(this.audience) ? this.opened(type, id, body) : maskSecrets(type, body);
    return shown === body ? resource : { ...resource, body: shown };
  }

  private opened(type: string, id: string, body: string): string {
    try {
      return this.vault.open(type, id, body);
    } catch (error) {
      if (!(error instanceof SecretUnreadable)) throw error;
      this.onUnreadable(error);
      return maskSecrets(type, body);
    }
  }
}
