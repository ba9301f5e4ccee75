import type { Change, Face } from './change.js';

/** How much a notification tells: https://hl7.org/fhir/uv/subscriptions-backport/payloads.html */
export type NotificationLevel = 'empty' | 'id-only' | 'full-resource';

/** The part of a stored version that a notification speaks of. */
export type NotifiedVersion = Pick<Change, 'type' | 'id' | 'version' | 'interaction' | 'method' | 'at' | 'body'> & {
  /** When the event happened, where that is not the version's own time. */
  happenedAt?: Date;
};

/** An entry of a notification after the first, and the version it holds, by which repeated ones are left out. */
export interface EntryPart {
  version: string;
  text: string;
}

/** What one event adds to a notification: text that follows its number, and entries. */
export interface EventPart {
  detail: string;
  entries: readonly EntryPart[];
}

/**
 * An event as text. Each (face, level) is put together once, by whoever needs it first, and shared by all subscribers: the only thing
 * that differs between them is the event's number, which stands outside of it.
 */
export class EventParts {
  private readonly parts = new Map<string, EventPart>();

  /** `context`: what the topic's notification shape adds to the focus. */
  constructor(
    private readonly focus: NotifiedVersion,
    private readonly context: readonly NotifiedVersion[] = [],
  ) {}

  /** Length of all the texts it holds. */
  get length(): number {
    return this.context.reduce((sum, { body }) => sum + (body?.length ?? 0), this.focus.body?.length ?? 0);
  }

  of(face: Face, base: string, level: NotificationLevel): EventPart {
    const key = `${face}${level}`;
    let part = this.parts.get(key);
    if (!part) {
      part = { detail: this.detail(face, base, level), entries: level === 'full-resource' ? this.entries(base) : [] };
      this.parts.set(key, part);
    }
    return part;
  }

  private detail(face: Face, base: string, level: NotificationLevel): string {
    const at = JSON.stringify((this.focus.happenedAt ?? this.focus.at).toISOString());
    const focus = referenceText(base, this.focus);
    const context = this.context.map((version) => referenceText(base, version));
    if (face === 'r4b') {
      let text = `,"timestamp":${at}`;
      if (level === 'empty') return text;
      text += `,"focus":${focus}`;
      if (context.length > 0) text += `,"additionalContext":[${context.join(',')}]`;
      return text;
    }
    let text = `,{"name":"timestamp","valueInstant":${at}}`;
    if (level === 'empty') return text;
    text += `,{"name":"focus","valueReference":${focus}}`;
    for (const reference of context) text += `,{"name":"additional-context","valueReference":${reference}}`;
    return text;
  }

  private entries(base: string): EntryPart[] {
    return [
      { version: versionKey(this.focus), text: focusEntry(base, this.focus) },
      ...this.context.map((version) => ({ version: versionKey(version), text: contextEntry(base, version) })),
    ];
  }
}

/** One version of one resource. */
export const versionKey = (version: Pick<NotifiedVersion, 'type' | 'id' | 'version'>) =>
  `${version.type}/${version.id}/${version.version}`;

const referenceText = (base: string, { type, id }: NotifiedVersion) => `{"reference":${JSON.stringify(`${base}/${type}/${id}`)}}`;

/** A history entry shows the interaction as it happened (bdl-3, bdl-4: request and response on every entry). */
function focusEntry(base: string, focus: NotifiedVersion): string {
  const url = focus.method === 'POST' ? focus.type : `${focus.type}/${focus.id}`;
  const status = focus.interaction === 'delete' ? '204' : focus.interaction === 'create' ? '201' : '200';
  return entryText(base, focus, focus.method, url, status);
}

function contextEntry(base: string, version: NotifiedVersion): string {
  return entryText(base, version, 'GET', `${version.type}/${version.id}`, '200');
}

function entryText(base: string, version: NotifiedVersion, method: string, url: string, status: string): string {
  const { type, id, body } = version;
  return (
    `{"fullUrl":${JSON.stringify(`${base}/${type}/${id}`)}` +
    (body === null ? '' : `,"resource":${body}`) +
    `,"request":{"method":"${method}","url":"${url}"}` +
    `,"response":{"status":"${status}","etag":"W/\\"${version.version}\\"","lastModified":"${version.at.toISOString()}"}}`
  );
}
