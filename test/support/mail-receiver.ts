import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { waitFor } from './wait-for.js';

/** A mail as it arrived. */
export interface ReceivedMail {
  from: string;
  to: string[];
  /** Header fields by lower-case name, unfolded. */
  headers: Record<string, string>;
  /** The body, or the parts of a multipart one, decoded. */
  parts: { type: string; filename?: string; text: string }[];
}

/** Refuses a mail with an SMTP reply code, or takes it. */
export type MailAnswer = (to: string, mail: ReceivedMail) => number | undefined;

/** A real SMTP server on 127.0.0.1 that keeps what it gets; `close` in `afterAll`. */
export class MailReceiver {
  readonly received: ReceivedMail[] = [];
  /** Mails that were offered, taken or not. */
  offered = 0;
  private answer: MailAnswer = () => undefined;
  private readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const from = session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
        const mail = { from, to, ...readMime(Buffer.concat(chunks).toString('utf8')) };
        this.offered += 1;
        const code = this.answer(to[0]!, mail);
        if (code === undefined) this.received.push(mail);
        done(code === undefined ? null : Object.assign(new Error('not now'), { responseCode: code }));
      });
    },
  });

  static async start(): Promise<MailReceiver> {
    const receiver = new MailReceiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  /** From now on. */
  answerWith(answer: MailAnswer): void {
    this.answer = answer;
  }

  to(address: string): ReceivedMail[] {
    return this.received.filter((mail) => mail.to.includes(address));
  }

  async waitForCount(address: string, count: number): Promise<ReceivedMail[]> {
    await waitFor(() => this.to(address).length >= count, {
      milliseconds: 60_000,
      what: `${count} mails to ${address}, not ${this.to(address).length}`,
    });
    return this.to(address);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** https://www.rfc-editor.org/rfc/rfc2045, as far as these mails use it. */
function readMime(text: string): Pick<ReceivedMail, 'headers' | 'parts'> {
  const { headers, body } = split(text);
  const boundary = /boundary="?([^";]+)"?/.exec(headers['content-type'] ?? '')?.[1];
  const pieces =
    boundary === undefined
      ? [{ headers, body }]
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((piece) => split(piece.replace(/^\r\n/, '')));
  return { headers, parts: pieces.map((piece) => partOf(piece.headers, piece.body)) };
}

function split(text: string): { headers: Record<string, string>; body: string } {
  const end = text.indexOf('\r\n\r\n');
  const lines = text
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  return { headers: Object.fromEntries(pairs) as Record<string, string>, body: text.slice(end + 4) };
}

function partOf(headers: Record<string, string>, body: string): ReceivedMail['parts'][number] {
  const type = (headers['content-type'] ?? '').split(';')[0]!;
  const filename = /filename="?([^";]+)"?/.exec(headers['content-disposition'] ?? '')?.[1];
  return {
    type,
    ...(filename === undefined ? {} : { filename }),
    text: decode(headers['content-transfer-encoding'] ?? '', body),
  };
}

function decode(encoding: string, body: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
