import type { SecretView } from '../secrets/secret-view.js';
import { type StoredSubscription, StoredSubscriptions } from './stored-subscriptions.js';

/** The Subscriptions as they are stored now, their secrets as the view shows them. */
export class ShownSubscriptions extends StoredSubscriptions {
  constructor(
    private readonly stored: StoredSubscriptions,
    private readonly view: SecretView,
  ) {
    super();
  }

  async current(id: string): Promise<StoredSubscription | undefined> {
    const stored = await this.stored.current(id);
    if (stored === undefined) return undefined;
    return { ...stored, text: this.view.show({ type: 'Subscription', id, body: stored.text }).body };
  }
}
