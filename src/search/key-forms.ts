import { splitCanonical, versionsAbove } from './business-version.js';
import { extendKey, finishKey, type KeyForm, type KeyPrefix } from './equality-key.js';
import { mediaTypeOf } from './media-types.js';
import type { ClauseValue } from './query.js';
import { codingOf } from './terminology.js';
import type { ParameterValues, ReferenceValue, TokenValue } from './values.js';

/** One thing that can be asked of a value by equality: a form and its texts. */
export type EmitForm = (form: KeyForm, first: string, second?: string, third?: string) => void;

/** Every question by equality that values answer with yes. */
export function formsOfValues(values: ParameterValues, emit: EmitForm): void {
  switch (values.type) {
    case 'token':
      for (const value of values.values) formsOfToken(value, emit);
      return;
    case 'reference':
      for (const value of values.values) formsOfReference(value, emit);
      return;
    case 'uri':
      for (const value of values.values) formsOfUri(value, emit);
      return;
    default:
      return;
  }
}

function formsOfToken({ system, code, typeCodings }: TokenValue, emit: EmitForm): void {
  if (system !== undefined) emit('system', system);
  if (code === undefined) return;
  emit('code', code);
  if (system === undefined) emit('no-system', code);
  else emit('system-code', system, code);
  const mediaType = mediaTypeOf({ system, code });
  if (mediaType !== undefined) emit('below', mediaType);
  if (typeCodings) {
    for (const coding of typeCodings) if (coding.code !== undefined) emit('of-type', coding.system ?? '', coding.code, code);
  }
}

function formsOfReference({ type, id, url, version, identifier }: ReferenceValue, emit: EmitForm): void {
  if (type !== undefined && id !== undefined) {
    emit('local', type, id);
    if (version !== undefined) emit('local-version', type, id, version);
  }
  if (url !== undefined) {
    emit('url', url);
    if (!version) emit('url-alone', url);
    else {
      emit('url-version', url, version);
      for (const above of versionsAbove(version)) emit('url-below', url, above);
    }
  }
  if (identifier) formsOfIdentifier(identifier, emit);
}

function formsOfIdentifier({ system, code }: TokenValue, emit: EmitForm): void {
  if (system !== undefined) emit('identifier-system', system);
  if (code === undefined) return;
  emit('identifier-code', code);
  if (system === undefined) emit('identifier-no-system', code);
  else emit('identifier-system-code', system, code);
}

function formsOfUri(uri: string, emit: EmitForm): void {
  emit('uri', uri);
  for (const path of pathsAbove(uri)) emit('below', path);
}

/**
 * A URL and what lies above it, path by path: `http://a/b/c`, `http://a/b`, `http://a`. Only the URI itself where it has no path. Above a
 * canonical that names its version lie versions, too: `http://a/b|1.2`, `http://a/b|1`, `http://a`.
 */
export function pathsAbove(uri: string): string[] {
  const { url, version } = splitCanonical(uri);
  const paths = version === undefined ? [uri] : versionedAbove(url, version);
  const most = paths.length + MOST_PATHS;
  const start = startOfPath(uri);
  if (start < 3) return paths;
  for (let slash = uri.lastIndexOf('/'); slash > start && paths.length < most; slash = uri.lastIndexOf('/', slash - 1))
    paths.push(uri.slice(0, slash));
  return paths;
}

/**
 * What `:above` asks for: the URL and what lies above it. Whether a path ends in a slash says nothing. Above a canonical that names a version
 * lie versions of it alone, since an index does not know who names none.
 */
export function urisAbove(uri: string): string[] {
  const { url, version } = splitCanonical(uri);
  if (version !== undefined) return versionedAbove(url, version);
  const paths = pathsAbove(uri);
  if (startOfPath(uri) < 3) return paths;
  return paths.flatMap((path) => (path.endsWith('/') ? [path] : [path, `${path}/`]));
}

/** The path that all have above them that `:below` asks for: `http://a/b` for `http://a/b/`, too. */
export function pathAskedBelow(uri: string): string {
  if (splitCanonical(uri).version !== undefined) return uri;
  const start = startOfPath(uri);
  return start >= 3 && uri.length > start + 1 && uri.endsWith('/') ? uri.slice(0, -1) : uri;
}

/** Longer paths have a part above them left out. */
const MOST_PATHS = 31;
const startOfPath = (uri: string) => uri.indexOf('://') + 3;

function versionedAbove(url: string, version: string): string[] {
  return versionsAbove(version).map((above) => `${url}|${above}`);
}

/** The questions that a clause's value puts, any of which may be answered yes; undefined where equality does not decide. */
export function formsOfClauseValue(value: ClauseValue, modifier: string | undefined): readonly FormTexts[] | undefined {
  switch (value.type) {
    case 'token': {
      const prefix = modifier === 'identifier' ? 'identifier-' : '';
      const { system, code } = value;
      if (modifier === 'below' && code !== undefined) return [['below', code]];
      if (code === undefined) return [[`${prefix}system` as KeyForm, system ?? '']];
      if (system === undefined) return [[`${prefix}code` as KeyForm, code]];
      if (system === '') return [[`${prefix}no-system` as KeyForm, code]];
      return [[`${prefix}system-code` as KeyForm, system, code]];
    }
    case 'codings':
      return [...value.keys].map((key): FormTexts => {
        const { system, code } = codingOf(key);
        return ['system-code', system, code];
      });
    case 'of-type':
      return [['of-type', value.system, value.code, value.value]];
    case 'reference': {
      const { candidates, url, version } = value;
      const forms: FormTexts[] = candidates.map(({ type, id }) =>
        version === undefined ? ['local', type, id] : ['local-version', type, id, version],
      );
      if (url !== undefined) forms.push(...formsOfCanonical(url, version, modifier));
      return forms;
    }
    case 'uri':
      if (modifier === 'below') return [['below', pathAskedBelow(value.uri)]];
      if (modifier === 'above') return urisAbove(value.uri).map((path) => ['uri', path]);
      return [['uri', value.uri]];
    default:
      return undefined;
  }
}

/** Whatever its version lies below the URL without one. https://hl7.org/fhir/R4B/search.html#versions */
function formsOfCanonical(url: string, version: string | undefined, modifier: string | undefined): FormTexts[] {
  if (modifier === 'above') {
    const versions = version === undefined ? [] : versionsAbove(version);
    return [['url-alone', url], ...versions.map((above): FormTexts => ['url-version', url, above])];
  }
  if (version === undefined) return [['url', url]];
  return [modifier === 'below' ? ['url-below', url, version] : ['url-version', url, version]];
}

/** A form and its texts. */
export type FormTexts = readonly [form: KeyForm, ...texts: string[]];

export function keyOfForm(prefixes: Readonly<Record<KeyForm, KeyPrefix>>, [form, ...texts]: FormTexts): number {
  return finishKey(texts.reduce(extendKey, prefixes[form]));
}
