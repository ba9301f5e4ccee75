import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/** Whom the hub trusts and how it identifies itself where it calls out; PEM texts. */
export interface TlsIdentity {
  /** Authorities beside the usual ones. */
  ca?: string;
  clientCertificate?: string;
  clientKey?: string;
  clientKeyPassphrase?: string;
}

/** One context for all connections, because reading some 150 authorities takes longer than a handshake. */
export function secureContextOf({ ca, clientCertificate, clientKey, clientKeyPassphrase }: TlsIdentity): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...(clientCertificate === undefined ? {} : { cert: clientCertificate, key: clientKey, passphrase: clientKeyPassphrase }),
  });
}
