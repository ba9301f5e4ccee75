import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createTransport } from 'nodemailer';
import { withoutBrackets } from '../../outbound/host-names.js';
import { connectToOperatorHost } from '../../outbound/operator-host.js';
import type { Resolve } from '../../outbound/resolve-name.js';
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
type Connected = (error: Error | null, opened?: { connection: Socket }) => void;

const CONNECT_MS = 10_000;
const IDLE_MS = 30_000;
const SUBMISSION_PORT = 587;
const SMTPS_PORT = 465;

/**
 * The operator's mail server. It is named by a setting and therefore may stand on the inside; the connection is opened by the hub's own
 * guard all the same, and its certificate is verified. Addresses it is asked to serve were checked when the Subscription was written.
 * Never throws for what the server does.
 */
export class SmtpMailer {
  private readonly transport;

  /** `smtp://user:password@host:587`, `smtps://host`; `?requireTLS=true` sends nothing to a server that offers no STARTTLS. */
  constructor(url: string, options: { secureContext?: SecureContext; resolve?: Resolve } = {}) {
    const { hostname, port, protocol, username, password, searchParams } = new URL(url);
    const host = withoutBrackets(hostname);
    const secure = protocol === 'smtps:';
    const atPort = Number(port) || (secure ? SMTPS_PORT : SUBMISSION_PORT);
    this.transport = createTransport({
      host,
      port: atPort,
      secure,
      requireTLS: searchParams.get('requireTLS') === 'true',
      ...(username === '' ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
      getSocket: (_options: unknown, connected: Connected) => {
        connectToOperatorHost(host, atPort, CONNECT_MS, options.resolve).then(
          (connection) => connected(null, { connection }),
          (error: Error) => connected(error),
        );
      },
      tls: { ...(options.secureContext === undefined ? {} : { secureContext: options.secureContext }) },
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
