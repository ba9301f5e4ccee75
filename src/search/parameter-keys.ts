import { finishKey, keyPrefix, type KeyForm, type KeyPrefix } from './equality-key.js';
import type { SearchParameter } from './values.js';

/** The beginnings of all keys of one parameter, hashed once. */
export interface ParameterKeys {
  present: number;
  prefix: Readonly<Record<KeyForm, KeyPrefix>>;
}

const FORMS: readonly KeyForm[] = [
  'present',
  'system-code',
  'code',
  'no-system',
  'system',
  'of-type',
  'local',
  'local-version',
  'url',
  'url-alone',
  'url-version',
  'url-below',
  'uri',
  'below',
  'identifier-system-code',
  'identifier-code',
  'identifier-no-system',
  'identifier-system',
  'composite',
];

const known = new Map<string, Map<string, ParameterKeys>>();

export function parameterKeys({ base, code }: Pick<SearchParameter, 'base' | 'code'>): ParameterKeys {
  return keysOf(base, code);
}

export function keysOf(type: string, code: string): ParameterKeys {
  let ofType = known.get(type);
  if (!ofType) known.set(type, (ofType = new Map()));
  let keys = ofType.get(code);
  if (!keys) {
    const prefix = Object.fromEntries(FORMS.map((form) => [form, keyPrefix(type, code, form)])) as Record<KeyForm, KeyPrefix>;
    ofType.set(code, (keys = { present: finishKey(prefix.present), prefix }));
  }
  return keys;
}
