/** What went wrong on the way, in words for whoever runs the hub or the endpoint. */
export function faultText(error: NodeJS.ErrnoException): string {
  const { code = '' } = error;
  const words = WORDS[code] ?? ALERTS.find(([pattern]) => pattern.test(code))?.[1];
  if (words === undefined) return error.code ? `${error.code}: ${error.message}` : error.message;
  return `${words} (${error.code})`;
}

/** The certificate, or the hub's, is not accepted, or what came is no TLS: nothing was sent. */
export function isTlsFault({ code = '' }: NodeJS.ErrnoException): boolean {
  return code in TLS_WORDS || /^ERR_(SSL|TLS)_/.test(code) || code === 'EPROTO';
}

const UNKNOWN_AUTHORITY =
  'the certificate of the endpoint comes from an authority that the hub does not know; OUTBOUND_CA_FILE can name it';
const SELF_SIGNED = 'the certificate of the endpoint is signed by itself; OUTBOUND_CA_FILE can name it as trusted';

const TLS_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate of the endpoint has expired',
  CERT_NOT_YET_VALID: 'the certificate of the endpoint is not valid yet',
  CERT_REVOKED: 'the certificate of the endpoint is revoked',
  CERT_REJECTED: 'the certificate of the endpoint is not accepted',
  CERT_UNTRUSTED: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: SELF_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the endpoint is for another name',
};

/** What OpenSSL tells; the beginnings of its codes change with its version. */
const ALERTS: readonly (readonly [RegExp, string])[] = [
  [/_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, 'the endpoint does not speak TLS at this port'],
  [
    /_ALERT_(HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED)$/,
    'the endpoint refuses the handshake, perhaps for want of a certificate of the hub (OUTBOUND_CLIENT_CERT_FILE)',
  ],
  [/_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE)$/, 'the endpoint does not accept the certificate of the hub (OUTBOUND_CLIENT_CERT_FILE)'],
];

const WORDS: Readonly<Record<string, string>> = {
  ...TLS_WORDS,
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection ended before the answer',
  CLOSED_WHILE_IDLE: 'the connection ended before the answer',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name servers do not answer',
  EHOSTUNREACH: 'there is no way to the address',
  ENETUNREACH: 'there is no way to the address',
  // Undici's word for a status below 100.
  ERR_ASSERTION: 'the answer is no HTTP',
  UND_ERR_HEADERS_OVERFLOW: 'the head of the answer is too long',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer is not as long as it says',
};
