import type { SendNotice } from '../status-notices.js';
import { composeStatusMail } from '../compose-status-mail.js';
import type { SmtpMailer } from './smtp-mailer.js';

const SEND_MS = 20_000;

/** Notices as mails through the operator's mail server, one to each contact. One who cannot be reached does not count as "not now". */
export function statusMail(mailer: SmtpMailer, from: string): SendNotice {
  return async (notice) => {
    const mail = { ...composeStatusMail(notice), attachments: [], from };
    let taken = false;
    let passing = false;
    for (const [index, to] of notice.contacts.entries()) {
      const messageId = `<status.${notice.subscriptionId}.${notice.version}.${index}@${from.split('@')[1]}>`;
      const reply = await mailer.send({ ...mail, to, messageId }, SEND_MS, AbortSignal.timeout(SEND_MS));
      if (reply.kind === 'taken') taken = true;
      else if (reply.code === undefined || reply.code < 500) passing = true;
      // A server that does not answer at all will not answer for the next one either.
      if (reply.kind === 'failed' && reply.code === undefined) break;
    }
    return taken || !passing;
  };
}
