import type { ElementTable } from './element-types.js';
import { readPosition } from './near.js';
import { dateReader } from './read-date.js';
import { numberReader, quantityReader } from './read-number.js';
import { referenceReader } from './read-reference.js';
import { stringReader } from './read-string.js';
import { tokenReader } from './read-token.js';
import { uriReader } from './read-uri.js';
import type { SearchParameterType } from './values.js';

/** Turns a node into values of its parameter's type, into `sink`. */
export type ReadNode = (node: unknown, sink: unknown[]) => void;

export interface ReadingContext {
  elements: ElementTable;
  bases: readonly string[];
}

/** How nodes of FHIR type `type` are read for a parameter; undefined where such nodes have no value for it. */
export function valueReader(parameterType: SearchParameterType, type: string, context: ReadingContext): ReadNode | undefined {
  if (type === 'Extension') return extensionReader(parameterType, context);
  const bare = type.split('|')[0] as string;
  switch (parameterType) {
    case 'token':
      return tokenReader(type) as ReadNode | undefined;
    case 'reference':
      return referenceReader(bare, context.bases) as ReadNode | undefined;
    case 'date':
      return dateReader(bare) as ReadNode | undefined;
    case 'string':
      return stringReader(bare) as ReadNode | undefined;
    case 'uri':
      return uriReader(bare) as ReadNode | undefined;
    case 'number':
      return numberReader(bare) as ReadNode | undefined;
    case 'quantity':
      return quantityReader(bare) as ReadNode | undefined;
    case 'special':
      return bare === 'Location.position' ? (readPosition as ReadNode) : undefined;
    case 'composite':
      return undefined;
  }
}

/** Some official expressions end at an extension and mean its value. */
function extensionReader(parameterType: SearchParameterType, context: ReadingContext): ReadNode {
  return (node, sink) => {
    const extension = node as Record<string, unknown>;
    for (const name of Object.keys(extension)) {
      if (!name.startsWith('value')) continue;
      const complex = name.slice('value'.length);
      const type = complex in context.elements ? complex : complex.charAt(0).toLowerCase() + complex.slice(1);
      if (type !== 'Extension') valueReader(parameterType, type, context)?.(extension[name], sink);
    }
  };
}
