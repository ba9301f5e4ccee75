export type ReadUri = (node: unknown, sink: string[]) => void;

/** How nodes of a type become URIs; undefined where the type has none. https://hl7.org/fhir/R4B/search.html#uri */
export function uriReader(type: string): ReadUri | undefined {
  switch (type) {
    case 'uri':
    case 'url':
    case 'oid':
    case 'uuid':
      return (node, sink) => {
        if (typeof node === 'string') sink.push(node);
      };
    // A canonical with a version is found by it and by the bare URL.
    case 'canonical':
      return (node, sink) => {
        if (typeof node !== 'string') return;
        sink.push(node);
        const bar = node.indexOf('|');
        if (bar > 0) sink.push(node.slice(0, bar));
      };
    default:
      return undefined;
  }
}
