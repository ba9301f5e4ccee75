import { parseMailAddress, parseMailForm } from '../../subscriptions/parse-mail-channel.js';
import type { AttemptResult } from '../attempt-result.js';
import { notificationId } from '../notification-id.js';
import { type Push, PushChannel, type PushOutcome } from '../push-channel.js';
import { composeMail } from './compose-mail.js';
import type { MailReply, SmtpMailer } from './smtp-mailer.js';

/**
 * Notifications by mail through the operator's mail server: a first mail as handshake, then one for each notification.
 * https://hl7.org/fhir/uv/subscriptions-backport/channels.html#email
 */
export class EmailChannel extends PushChannel {
  readonly type = 'email';

  /** Without a mailer (the setting was taken away again) every attempt fails, and succeeds once it is back. */
  constructor(
    private readonly mailer: SmtpMailer | undefined,
    private readonly from: string,
  ) {
    super();
  }

  /** All mail leaves through one server. */
  override host(): string {
    return 'smtp';
  }

  async send(push: Push): Promise<PushOutcome> {
    const started = performance.now();
    const reply = await this.hand(push);
    return {
      result: mailResult(reply),
      milliseconds: Math.round(performance.now() - started),
      excerpt: reply.reply.slice(0, 1024),
    };
  }

  override close(): void {
    this.mailer?.close();
  }

  private async hand(push: Push): Promise<MailReply> {
    const { channel, face } = push.definition;
    const recipient = parseMailAddress(channel.endpoint ?? '');
    const form = parseMailForm(channel.payload, face);
    if (typeof recipient === 'string') return { kind: 'failed', reply: recipient, own: true };
    if (typeof form === 'string') return { kind: 'failed', reply: form, own: true };
    if (this.mailer === undefined) return { kind: 'failed', reply: 'the hub has no mail server (SMTP_URL)', own: true };
    const mail = composeMail(push, form, new Date());
    const messageId = `<${notificationId(push)}@${this.from.split('@')[1]}>`;
    return this.mailer.send({ ...mail, from: this.from, to: recipient.address, messageId }, push.timeoutMs, push.signal);
  }
}

/** SMTP's 4xx pass, its 5xx do not by themselves; what is wrong with the hub's own access is not the recipient's fault. */
export function mailResult(reply: MailReply): AttemptResult {
  if (reply.kind === 'taken') return { kind: 'accepted' };
  const { code, own } = reply;
  if (code === undefined || own) return { kind: 'retry', fault: { code: 'no-response', text: reply.reply } };
  const fault = { code: 'error-response', text: `SMTP ${code}` } as const;
  return { kind: code >= 500 ? 'refused' : 'retry', fault };
}
