import type { Face } from '../fhir/change.js';
import { parameterProblem } from './parse-payload.js';

/** How a mail is made: the body is for people, what machines are to read is attached. */
export interface MailForm {
  html: boolean;
  attach: boolean;
}

/**
 * Reads `channel.payload` of an email channel: `text/plain` or `text/html`, with `;attach=application/fhir+json` where the notification
 * is to be attached. A text instead says what the hub cannot honour.
 */
export function parseMailForm(payload: string | undefined, face: Face): MailForm | string {
  const form: MailForm = { html: false, attach: false };
  if (payload === undefined) return form;
  const [type = '', ...parameters] = payload.split(';').map((part) => part.trim());
  if (!/^text\/(plain|html)$/i.test(type))
    return `The body of a mail is text/plain or text/html, not "${type}"; FHIR is attached: text/plain;attach=application/fhir+json`;
  form.html = type.toLowerCase() === 'text/html';
  for (const parameter of parameters) {
    const [name = '', quoted = ''] = parameter.split('=').map((part) => part.trim());
    const value = quoted.replace(/^"(.*)"$/, '$1').toLowerCase();
    if (name.toLowerCase() === 'attach') {
      if (form.attach || !['application/fhir+json', 'application/json'].includes(value))
        return `The hub attaches application/fhir+json, not "${quoted}".`;
      form.attach = true;
      continue;
    }
    const problem = parameterProblem(parameter, face);
    if (problem !== undefined) return problem;
  }
  return form;
}

/** The one address of a `mailto:` endpoint, or why it is none. */
export function parseMailAddress(endpoint: string): { address: string } | string {
  const written = /^mailto:(.*)$/is.exec(endpoint)?.[1];
  if (written === undefined) return `The endpoint of an email channel is mailto:someone@example.org, not "${endpoint}".`;
  if (written.includes('?')) return 'The endpoint names an address only; the subject is a header line "Subject: …".';
  let address: string;
  try {
    address = decodeURIComponent(written);
  } catch {
    return `"${endpoint}" is not percent-encoded UTF-8.`;
  }
  // Whatever could be read as more than one address, or as part of a header, is out.
  if (!/^[^\s@<>()[\],;:\\"\u0000-\u001f\u007f]{1,64}@[^\s@<>()[\],;:\\"\u0000-\u001f\u007f]{1,255}$/.test(address))
    return `"${address}" is not one plain mail address.`;
  return { address };
}

/** The only line that `channel.header` of an email channel may hold: the subject. */
export function parseMailHeader(line: string): readonly [name: string, value: string] | string {
  if (/[\r\n\0]/.test(line)) return 'A header must not hold line breaks or NUL.';
  const [, name, value] = /^\s*([^:]*?)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
  if (name?.toLowerCase() !== 'subject') return 'A mail takes one header line, "Subject: …".';
  if (value === undefined || value === '' || value.length > 500 || /[\u0000-\u001f\u007f]/.test(value))
    return 'The subject has 1 to 500 characters and no control characters.';
  return ['Subject', value];
}
