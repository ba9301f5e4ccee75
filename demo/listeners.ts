import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

export type OnBundle = (bundle: NotificationBundle, at: number) => void;

export interface NotificationBundle {
  entry: { resource: { resourceType: string; type?: string; notificationEvent?: { focus?: { reference: string } }[] } }[];
}

/** `Type/id` of everything a notification tells of; none for a handshake. */
export function fociOf(bundle: NotificationBundle): string[] {
  const status = bundle.entry[0]!.resource;
  if (status.type !== 'event-notification') return [];
  return (status.notificationEvent ?? []).map(({ focus }) => keyOf(focus!.reference));
}

/** `Type/id` of a reference, whatever its base and version. */
export function keyOf(reference: string): string {
  return reference
    .replace(/\/_history\/.*$/, '')
    .split('/')
    .slice(-2)
    .join('/');
}

/** Binds the FHIR websocket to a Subscription: token first, then the handshake. Gives back how to close. */
export async function listenOnWebsocket(
  url: string,
  fhir: string,
  subscriptionId: string,
  onBundle: OnBundle,
): Promise<() => void> {
  const answer = await fetch(`${fhir}/Subscription/${subscriptionId}/$get-ws-binding-token`);
  const { parameter } = (await answer.json()) as { parameter: { name: string; valueString?: string }[] };
  const token = parameter.find(({ name }) => name === 'token')!.valueString!;
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => socket.send(`bind-with-token ${token}`));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as NotificationBundle;
      if (message.entry === undefined) return reject(new Error(`The websocket refused: ${data.toString()}`));
      resolve();
      onBundle(message, performance.now());
    });
  });
  return () => socket.terminate();
}

/** Asks the live feed for a topic. Gives back how to close. */
export async function listenOnLiveFeed(url: string, request: object, onBundle: OnBundle): Promise<() => void> {
  const socket = io(`${url}/live`, { transports: ['websocket'] });
  socket.on('notification', ({ bundle }: { bundle: NotificationBundle }) => onBundle(bundle, performance.now()));
  const answer = (await socket.timeout(60_000).emitWithAck('subscribe', request)) as { outcome?: unknown };
  if (answer.outcome !== undefined) throw new Error(`The live feed refused: ${JSON.stringify(answer.outcome)}`);
  return () => socket.disconnect();
}
