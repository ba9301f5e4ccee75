import { createTransport } from 'nodemailer';
import type { Mail } from './compose-mail.js';

/** A mail with its way: who it is from, who gets it, and an id by which a repetition is known. */
export interface AddressedMail extends Mail {
  from: string;
  to: string;
  messageId: string;
}

/** What the mail server said: `code` is the SMTP reply code, absent where there was no reply. */
export type MailReply =
  | { kind: 'taken'; reply: string }
  | { kind: 'failed'; code?: number; reply: string; /** The hub itself was refused. */ own: boolean };

const CONNECTIONS = 8;
const IDLE_MS = 30_000;

/**
 * The operator's mail server. It is named by a setting and therefore trusted; addresses it is asked to serve were checked when the
 * Subscription was written. Never throws for what the server does.
 */
export class SmtpMailer {
  private readonly transport;

  constructor(url: string) {
    this.transport = createTransport({
      url,
      pool: true,
      maxConnections: CONNECTIONS,
      connectionTimeout: IDLE_MS,
      greetingTimeout: IDLE_MS,
      socketTimeout: IDLE_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  async send(mail: AddressedMail, timeoutMs: number, signal: AbortSignal): Promise<MailReply> {
    let timer: NodeJS.Timeout | undefined;
    let stop: (() => void) | undefined;
    const late = new Promise<MailReply>((resolve) => {
      timer = setTimeout(() => resolve(failed(`no answer of the mail server within ${timeoutMs} ms`)), timeoutMs);
      stop = () => resolve(failed('stopped by the hub'));
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop);
    });
    try {
      return await Promise.race([this.hand(mail), late]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop!);
    }
  }

  close(): void {
    this.transport.close();
  }

  private async hand({ subject, text, html, attachments, from, to, messageId }: AddressedMail): Promise<MailReply> {
    try {
      const sent = await this.transport.sendMail({
        from,
        to: { name: '', address: to },
        messageId,
        subject,
        text,
        html,
        attachments,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      return { kind: 'taken', reply: sent.response };
    } catch (error) {
      const { responseCode, code, message } = error as Error & { responseCode?: number; code?: string };
      const own = code === 'EAUTH' || code === 'ETLS';
      return { kind: 'failed', code: responseCode, reply: message, own };
    }
  }
}

const failed = (reply: string): MailReply => ({ kind: 'failed', reply, own: false });
