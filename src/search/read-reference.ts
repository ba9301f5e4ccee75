import type { JsonObject } from '../fhir/json-object.js';
import { identifierToken } from './read-token.js';
import type { ReferenceValue } from './values.js';

export type ReadReference = (node: unknown, sink: ReferenceValue[]) => void;

const LOCAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;

/**
 * What a reference or canonical leads to. Absolute URLs under one of `bases` mean the same as relative ones; fragments (`#p1`) lead to
 * nothing that can be searched for.
 */
export function readReferenceText(reference: string, bases: readonly string[]): ReferenceValue | undefined {
  if (reference === '' || reference[0] === '#') return undefined;
  let relative = reference;
  for (const base of bases) {
    if (reference.length > base.length && reference[base.length] === '/' && reference.startsWith(base)) {
      relative = reference.slice(base.length + 1);
      break;
    }
  }
  const local = LOCAL.exec(relative);
  if (local) return { type: local[1], id: local[2], version: local[3] };
  const bar = reference.indexOf('|');
  return bar < 0 ? { url: reference } : { url: reference.slice(0, bar), version: reference.slice(bar + 1) };
}

/** How nodes of a type become references; undefined where the type has none. https://hl7.org/fhir/R4B/search.html#reference */
export function referenceReader(type: string, bases: readonly string[]): ReadReference | undefined {
  const readReference: ReadReference = (node, sink) => {
    const { reference, identifier } = node as JsonObject;
    const target = typeof reference === 'string' ? readReferenceText(reference, bases) : undefined;
    const token = typeof identifier === 'object' && identifier !== null ? identifierToken(identifier) : undefined;
    if (target === undefined && token === undefined) return;
    sink.push(token === undefined ? (target as ReferenceValue) : { ...target, identifier: token });
  };
  switch (type) {
    case 'Reference':
      return readReference;
    case 'CodeableReference':
      return (node, sink) => {
        const { reference } = node as JsonObject;
        if (typeof reference === 'object' && reference !== null) readReference(reference, sink);
      };
    case 'canonical':
    case 'uri':
    case 'url':
      return (node, sink) => {
        const target = typeof node === 'string' ? readReferenceText(node, bases) : undefined;
        if (target) sink.push(target);
      };
    // Bundle's composition and message: the resource stands in the Bundle itself.
    case 'Resource':
      return (node, sink) => {
        const { resourceType, id } = node as JsonObject;
        if (typeof resourceType === 'string' && typeof id === 'string') sink.push({ type: resourceType, id });
      };
    default:
      return undefined;
  }
}
