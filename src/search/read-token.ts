import type { JsonObject } from '../fhir/json-object.js';
import { isPrimitive } from './element-types.js';
import type { TokenValue } from './values.js';

export type ReadToken = (node: unknown, sink: TokenValue[]) => void;

/** How nodes of a type become tokens; undefined where the type has no token. https://hl7.org/fhir/R4B/search.html#token */
export function tokenReader(type: string): ReadToken | undefined {
  const [bare, system] = type.split('|') as [string, string?];
  const complex = COMPLEX[bare];
  if (complex) return complex;
  if (!isPrimitive(bare)) return undefined;
  return (node, sink) => sink.push(system === undefined ? { code: String(node) } : { system, code: String(node) });
}

const COMPLEX: Readonly<Record<string, ReadToken>> = {
  Coding: readCoding,
  CodeableConcept: readCodeableConcept,
  CodeableReference: (node, sink) => {
    const { concept } = node as JsonObject;
    if (isObject(concept)) readCodeableConcept(concept, sink);
  },
  Identifier: (node, sink) => {
    const token = identifierToken(node);
    if (token) sink.push(token);
  },
  ContactPoint: (node, sink) => {
    const { system, value } = node as JsonObject;
    if (typeof value === 'string') sink.push({ system: text(system), code: value });
  },
};

function readCoding(node: unknown, sink: TokenValue[]): void {
  if (!isObject(node)) return;
  const { system, code, display } = node;
  if (code === undefined && system === undefined && display === undefined) return;
  sink.push({ system: text(system), code: text(code), text: text(display) });
}

function readCodeableConcept(node: unknown, sink: TokenValue[]): void {
  const concept = node as JsonObject;
  const { coding } = concept;
  if (Array.isArray(coding)) for (let i = 0; i < coding.length; i++) readCoding(coding[i], sink);
  if (typeof concept.text === 'string') sink.push({ text: concept.text });
}

export function identifierToken(node: unknown): TokenValue | undefined {
  const { system, value, type } = node as JsonObject;
  if (value === undefined && system === undefined) return undefined;
  const token: TokenValue = { system: text(system), code: text(value) };
  if (!isObject(type)) return token;
  const typeCodings: { system?: string; code?: string }[] = [];
  if (Array.isArray(type.coding))
    for (const coding of type.coding as unknown[])
      if (isObject(coding)) typeCodings.push({ system: text(coding.system), code: text(coding.code) });
  return { ...token, text: text(type.text), typeCodings };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}
