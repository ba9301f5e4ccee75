/**
 * What a client did, by the route that served it: the code of the FHIR interaction, or the name of the operation with its `$`. Bounded,
 * because it comes from the routes and not from the address. Undefined for what is no part of FHIR. https://hl7.org/fhir/R4B/http.html
 */
export function interactionOf(method: string, route: string | undefined): string | undefined {
  const [root, , ...rest] = (route ?? '').split('/').slice(1);
  if (root !== 'fhir') return undefined;
  const operation = rest.find((segment) => segment.startsWith('$'));
  if (operation !== undefined) return operation;
  if (rest[0] === 'metadata') return 'capabilities';
  const history = rest.indexOf('_history');
  if (history >= 0) return rest[history + 1] === undefined ? 'history' : 'vread';
  if (rest.includes('_search')) return 'search';
  // In a compartment.
  if (rest.length > 2 && rest[2] === ':inner') return 'search';
  const verb = method === 'HEAD' ? 'GET' : method;
  return BY_LENGTH[Math.min(rest.length, 2)]?.[verb] ?? 'other';
}

/** Base, type, instance. */
const BY_LENGTH: readonly Readonly<Record<string, string>>[] = [
  { POST: 'bundle', GET: 'search' },
  { POST: 'create', GET: 'search', PUT: 'update', PATCH: 'patch', DELETE: 'delete' },
  { GET: 'read', PUT: 'update', PATCH: 'patch', DELETE: 'delete' },
];
