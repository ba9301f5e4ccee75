import { faultText } from '../subscriptions/endpoint-fault.js';
import type { SubscriptionStatus } from '../subscriptions/subscription-definition.js';
import type { Log } from '../telemetry/log.js';
import { isSettled, type Line } from './line.js';
import type { LineReader } from './line-reader.js';
import type { StatusWriter } from './status-writer.js';

/** Moves the status of Subscriptions as the hub sees fit, where all who read them see it. */
export class StatusMoves {
  constructor(
    private readonly statuses: StatusWriter,
    private readonly reader: LineReader,
    private readonly drop: (line: Line) => void,
    private readonly keep: (line: Line) => void,
    private readonly onMoved: (line: Line, from: SubscriptionStatus, reason: string | undefined) => void,
    private readonly log: Log,
  ) {}

  /** Where somebody else wrote the Subscription meanwhile, nothing is moved and the line is to be read again. */
  async move(line: Line, status: SubscriptionStatus): Promise<void> {
    const from = line.definition.status;
    const reason = reasonOf(line, status);
    const written = await this.statuses.write(line.resource, status, reason);
    if (line.dropped) return;
    if (!written) {
      line.stale = true;
      return;
    }
    if (!this.reader.adopt(line, written)) return this.drop(line);
    if (isSettled(line)) line.verifiedVersion = written.version;
    this.log.info({ subscription: line.id, status, reason }, 'subscription.status-moved');
    this.keep(line);
    this.onMoved(line, from, reason);
  }
}

function reasonOf({ fault }: Line, status: SubscriptionStatus): string | undefined {
  if (status === 'active') return undefined;
  if (status === 'off' && !fault) return 'The end of the subscription is reached.';
  return fault && faultText(fault);
}
