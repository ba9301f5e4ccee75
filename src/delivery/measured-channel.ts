import type { DeliveryRecorder } from '../telemetry/delivery-recorder.js';
import type { Push, PushChannel } from './push-channel.js';

/**
 * The channel as it is, with what comes of its attempts told to `recorder`. A change counts as received when its answer has been read, the
 * first time it is accepted; repetitions on request are left out.
 */
export function measuredChannel(channel: PushChannel, recorder: DeliveryRecorder): PushChannel {
  const send = async (push: Push) => {
    const outcome = await channel.send(push);
    recorder.attempted(channel.type, outcome.result.kind, outcome.milliseconds);
    if (outcome.result.kind === 'accepted' && push.replay === undefined) {
      const now = Date.now();
      for (const { event } of push.events) recorder.received(channel.type, changedAt(event.focus), now);
    }
    return outcome;
  };
  return new Proxy(channel, {
    get(target, name) {
      if (name === 'send') return send;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** When that happened what the event tells: of a coded event, which may be about an older version, its own time. */
export function changedAt({ happenedAt, at }: { happenedAt?: Date; at: Date }): number {
  return (happenedAt ?? at).getTime();
}
