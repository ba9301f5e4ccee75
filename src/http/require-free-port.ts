import { createServer } from 'node:net';

/**
 * Refuses a port that cannot be had before anything else is started. (Listening may still fail later, if another process takes it
 * meanwhile.)
 */
export async function requireFreePort(port: number, host: string): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(new Error(portRefusal(error, port, host))));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/** One line for the operator. */
export function portRefusal(error: NodeJS.ErrnoException, port: number, host: string): string {
  if (error.code === 'EADDRINUSE') return `Port ${port} of ${host} is taken by another program; stop it, or choose another PORT.`;
  if (error.code === 'EACCES') return `Port ${port} needs rights that this user does not have; choose a PORT of 1024 or more.`;
  if (error.code === 'EADDRNOTAVAIL') return `HOST ${host} is no address of this machine.`;
  return `Cannot listen on port ${port} of ${host}: ${error.message}`;
}
