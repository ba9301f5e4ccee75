import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type OpenClone, openClone } from '../support/open-clone.js';
import { type Hub, startHub } from '../support/start-hub.js';
import type { Database } from '../../src/storage/database.js';

let hub: Hub;
let clone: OpenClone;
let database: Database;
beforeAll(async () => {
  clone = await openClone(2);
  database = clone.database;
  hub = await startHub({ database: clone, env: { MAX_BODY_BYTES: '1 MiB', REQUEST_SECONDS: '2' } });
});
afterAll(async () => {
  await hub.stop();
  await clone.drop();
});

/** How many versions the store holds. */
async function stored(): Promise<bigint> {
  return (await database.rows<{ count: bigint }>({ text: 'SELECT count(*) FROM resource_version' }))[0]!.count;
}

interface Case {
  method?: string;
  path?: string;
  body?: string | Buffer;
  type?: string | null;
  headers?: Record<string, string>;
}

interface Refusal {
  status: number;
  expression?: string;
  diagnostics: string;
  type: string | null;
}

async function refuse({
  method = 'POST',
  path = '/fhir/r4b/Patient',
  body,
  type = 'application/fhir+json',
  headers = {},
}: Case): Promise<Refusal> {
  const response = await fetch(hub.url + path, {
    method,
    headers: { ...(type === null ? {} : { 'content-type': type }), ...headers },
    body,
  });
  const text = await response.text();
  const json = JSON.parse(text) as { resourceType: string; issue: { diagnostics: string; expression?: string[] }[] };
  expect(json.resourceType).toBe('OperationOutcome');
  const [issue] = json.issue;
  expect(issue!.diagnostics.length).toBeGreaterThan(10);
  expect(issue!.diagnostics).not.toMatch(/node_modules|at .*\.js|undefined|\[object/);
  return {
    status: response.status,
    expression: issue!.expression?.[0],
    diagnostics: issue!.diagnostics,
    type: response.headers.get('content-type'),
  };
}

const P = '{"resourceType":"Patient"';
const deep = (levels: number) => `${P},"extension":${'[{"url":"http://x","extension":'.repeat(levels)}[]${'}]'.repeat(levels)}}`;

/** A text that cannot be read is told with the element in which it breaks off. */
const ELEMENT = /^(Patient|Resource)[A-Za-z.[\]0-9]*$/;

const cases: [name: string, input: Case, status: number, told: string | RegExp | undefined][] = [
  // bodies that are no JSON
  ['an empty body', { body: '' }, 400, undefined],
  ['white space', { body: ' \n\t' }, 400, ELEMENT],
  ['text', { body: 'hello' }, 400, ELEMENT],
  ['XML', { body: '<Patient xmlns="http://hl7.org/fhir"/>', type: 'application/fhir+xml' }, 415, 'Content-Type'],
  ['XML that says it is JSON', { body: '<Patient/>' }, 400, ELEMENT],
  ['a body that ends too soon', { body: `${P},"active":tr` }, 400, ELEMENT],
  ['an unclosed object', { body: `${P},"active":true` }, 400, ELEMENT],
  ['an unclosed string', { body: `${P},"gender":"ma` }, 400, ELEMENT],
  ['a comma too many', { body: `${P},"active":true,}` }, 400, ELEMENT],
  ['a comma too few', { body: `${P} "active":true}` }, 400, ELEMENT],
  ['a comment', { body: `${P}/* no */}` }, 400, ELEMENT],
  ['single quotes', { body: `{'resourceType':'Patient'}` }, 400, ELEMENT],
  ['two documents', { body: `${P}}${P}}` }, 400, ELEMENT],
  ['NaN', { body: `${P},"multipleBirthInteger":NaN}` }, 400, ELEMENT],
  ['a number with a leading zero', { body: `${P},"multipleBirthInteger":01}` }, 400, ELEMENT],
  ['a number beyond all bounds', { body: `${P},"multipleBirthInteger":1e999}` }, 400, ELEMENT],
  ['a hexadecimal number', { body: `${P},"multipleBirthInteger":0x10}` }, 400, ELEMENT],
  ['a bad escape', { body: `${P},"language":"\\q"}` }, 400, ELEMENT],
  ['a raw line feed in a string', { body: `${P},"language":"a\nb"}` }, 400, ELEMENT],
  ['a raw NUL', { body: `${P},"language":"a\0b"}` }, 400, ELEMENT],
  ['an escaped NUL', { body: `${P},"language":"a\\u0000b"}` }, 400, ELEMENT],
  ['an escaped NUL in a name', { body: `${P},"a\\u0000":1}` }, 400, ELEMENT],
  ['half a surrogate pair', { body: `${P},"language":"\\ud800"}` }, 400, ELEMENT],
  ['bytes that are not UTF-8', { body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) }, 400, undefined],
  ['UTF-16', { body: Buffer.from(`${P}}`, 'utf16le') }, 400, ELEMENT],
  ['an array', { body: `[${P}}]` }, 400, ELEMENT],
  ['a string', { body: '"Patient"' }, 400, ELEMENT],
  ['a number', { body: '1' }, 400, ELEMENT],
  ['null', { body: 'null' }, 400, ELEMENT],
  // names
  ['a member twice', { body: `${P},"active":true,"active":false}` }, 400, ELEMENT],
  ['a member twice, once with an escape', { body: `${P},"active":true,"activ\\u0065":false}` }, 400, ELEMENT],
  ['a member twice deep inside', { body: `${P},"name":[{"family":"a","family":"b"}]}` }, 400, ELEMENT],
  ['the id twice', { method: 'PUT', path: '/fhir/r4b/Patient/a', body: `${P},"id":"a","id":"b"}` }, 400, ELEMENT],
  ['__proto__', { body: `${P},"__proto__":{"active":true}}` }, 400, ELEMENT],
  ['__proto__ with an escape', { body: `${P},"\\u005f_proto__":{"active":true}}` }, 400, ELEMENT],
  ['constructor', { body: `${P},"constructor":{"prototype":{}}}` }, 400, 'Patient.constructor'],
  ['toString', { body: `${P},"toString":1}` }, 400, 'Patient.toString'],
  ['an unknown element', { body: `${P},"nonsense":1}` }, 400, 'Patient.nonsense'],
  ['an unknown element inside', { body: `${P},"name":[{"family":"a"},{"famly":"b"}]}` }, 400, 'Patient.name[1].famly'],
  ['the empty name', { body: `${P},"":1}` }, 400, /^Patient/],
  // shapes
  ['nesting beyond all bounds', { body: deep(3000) }, 400, ELEMENT],
  ['brackets beyond all bounds', { body: `${P},"name":${'['.repeat(100_000)}` }, 400, ELEMENT],
  ['a value where a list belongs', { body: `${P},"name":{"family":"a"}}` }, 400, 'Patient.name'],
  ['a list where a value belongs', { body: `${P},"active":[true]}` }, 400, 'Patient.active'],
  ['an empty list', { body: `${P},"name":[]}` }, 400, 'Patient.name'],
  ['an empty object', { body: `${P},"name":[{}]}` }, 400, 'Patient.name[0]'],
  ['null as a value', { body: `${P},"active":null}` }, 400, 'Patient.active'],
  ['an empty string', { body: `${P},"language":""}` }, 400, 'Patient.language'],
  ['text for a boolean', { body: `${P},"active":"true"}` }, 400, 'Patient.active'],
  ['an impossible date', { body: `${P},"birthDate":"2020-13-45"}` }, 400, 'Patient.birthDate'],
  ['a code that is none of its codes', { body: `${P},"gender":"m"}` }, 422, 'Patient.gender'],
  ['two values of one choice', { body: `${P},"deceasedBoolean":true,"deceasedDateTime":"2020"}` }, 400, /^Patient\.deceased/],
  [
    'a missing element',
    { path: '/fhir/r4b/Observation', body: '{"resourceType":"Observation","code":{"text":"a"}}' },
    400,
    'Observation.status',
  ],
  ['an unknown contained type', { body: `${P},"contained":[{"resourceType":"Nonsense"}]}` }, 400, /^Patient\.contained\[0\]/],
  // types and ids
  ['no resourceType', { body: '{"active":true}' }, 400, 'resourceType'],
  ['an unknown resourceType', { body: '{"resourceType":"Nonsense"}' }, 400, 'resourceType'],
  ['a resourceType that is no text', { body: '{"resourceType":["Patient"]}' }, 400, 'resourceType'],
  ['another resourceType', { body: '{"resourceType":"Basic","code":{"text":"a"}}' }, 400, 'resourceType'],
  ['an unknown type in the address', { path: '/fhir/r4b/Nonsense', body: '{"resourceType":"Nonsense"}' }, 404, undefined],
  ['a type in lower case', { path: '/fhir/r4b/patient', body: `${P}}` }, 404, undefined],
  ['__proto__ as a type', { path: '/fhir/r4b/__proto__', body: `${P}}` }, 404, undefined],
  [
    'a type that is never stored',
    { path: '/fhir/r4b/OperationOutcome', body: '{"resourceType":"OperationOutcome"}' },
    405,
    undefined,
  ],
  ['Parameters', { path: '/fhir/r4b/Parameters', body: '{"resourceType":"Parameters"}' }, 405, undefined],
  ['a PUT without an id in the body', { method: 'PUT', path: '/fhir/r4b/Patient/a', body: `${P}}` }, 400, 'Patient.id'],
  ['a PUT with another id', { method: 'PUT', path: '/fhir/r4b/Patient/a', body: `${P},"id":"b"}` }, 400, 'Patient.id'],
  ['an id with an underscore', { method: 'PUT', path: '/fhir/r4b/Patient/a_b', body: `${P},"id":"a_b"}` }, 400, 'id'],
  ['an id with a line feed', { method: 'PUT', path: '/fhir/r4b/Patient/a%0Ab', body: `${P},"id":"a\\nb"}` }, 400, 'id'],
  ['an id with a NUL', { method: 'DELETE', path: '/fhir/r4b/Patient/a%00', type: null }, 400, 'id'],
  ['an id of 65 characters', { method: 'DELETE', path: `/fhir/r4b/Patient/${'a'.repeat(65)}`, type: null }, 400, 'id'],
  ['an id that is no text', { body: `${P},"id":7}` }, 400, 'Patient.id'],
  // addresses and methods
  ['broken percent-encoding', { method: 'GET', path: '/fhir/r4b/Patient/%zz', type: null }, 400, undefined],
  ['an unknown face', { path: '/fhir/r9/Patient', body: `${P}}` }, 404, undefined],
  ['an unknown address', { method: 'GET', path: '/nothing/here', type: null }, 404, undefined],
  [
    'a PATCH of a type',
    { method: 'PATCH', path: '/fhir/r4b/Patient', body: '[]', type: 'application/json-patch+json' },
    405,
    undefined,
  ],
  [
    'a JSON Patch that is none',
    { method: 'PATCH', path: '/fhir/r4b/Patient/a', body: '{}', type: 'application/json-patch+json' },
    400,
    'Resource',
  ],
  ['a patch that is a Patient', { method: 'PATCH', path: '/fhir/r4b/Patient/a', body: `${P}}` }, 400, 'resourceType'],
  [
    'a patch in XML',
    { method: 'PATCH', path: '/fhir/r4b/Patient/a', body: '<diff/>', type: 'application/xml-patch+xml' },
    415,
    'Content-Type',
  ],
  [
    'a JSON Patch as an update',
    { method: 'PUT', path: '/fhir/r4b/Patient/a', body: '[]', type: 'application/json-patch+json' },
    415,
    'Content-Type',
  ],
  [
    'a condition that selects by nothing',
    { method: 'DELETE', path: '/fhir/r4b/Patient?_format=json', type: null },
    405,
    undefined,
  ],
  ['a condition with _count', { method: 'DELETE', path: '/fhir/r4b/Patient?active=true&_count=1', type: null }, 400, '_count'],
  ['a condition nobody understands', { method: 'DELETE', path: '/fhir/r4b/Patient?nonsense=1', type: null }, 400, 'nonsense'],
  ['a condition without a value', { method: 'DELETE', path: '/fhir/r4b/Patient?identifier=', type: null }, 400, 'identifier'],
  ['a PUT to a type', { method: 'PUT', path: '/fhir/r4b/Patient', body: `${P}}` }, 405, undefined],
  ['a DELETE of a type', { method: 'DELETE', path: '/fhir/r4b/Patient', type: null }, 405, undefined],
  ['a GET of _search', { method: 'GET', path: '/fhir/r4b/Patient/_search?active=true', type: null }, 405, undefined],
  ['a GET of $validate', { method: 'GET', path: '/fhir/r4b/Patient/$validate', type: null }, 405, undefined],
  ['a POST to metadata', { path: '/fhir/r4b/metadata', body: `${P}}` }, 405, undefined],
  ['an operation of the base that is not there', { path: '/fhir/r4b/$validate', body: `${P}}` }, 404, undefined],
  [
    'an address far too long',
    { method: 'GET', path: `/fhir/r4b/Patient?active=true&name=${'a'.repeat(30_000)}`, type: null },
    400,
    'name',
  ],
  ['an unknown operation', { path: '/fhir/r4b/Patient/$nonsense', body: '{"resourceType":"Parameters"}' }, 404, undefined],
  // media types
  ['no media type', { body: Buffer.from(`${P}}`), type: null }, 415, 'Content-Type'],
  ['a media type that is none', { body: `${P}}`, type: 'json' }, 415, undefined],
  [
    'a body packed by what the hub does not read',
    { body: `${P}}`, headers: { 'content-encoding': 'br' } },
    415,
    'Content-Encoding',
  ],
  ['a body that says gzip and is not', { body: `${P}}`, headers: { 'content-encoding': 'gzip' } }, 400, 'Content-Encoding'],
  [
    'a body that is too large once it is unpacked',
    { body: gzipSync(Buffer.alloc(20 * 2 ** 20, ' ')), headers: { 'content-encoding': 'gzip' } },
    413,
    'Content-Encoding',
  ],
  ['a form', { body: 'a=b', type: 'application/x-www-form-urlencoded' }, 415, 'Content-Type'],
  ['another charset', { body: `${P}}`, type: 'application/fhir+json; charset=iso-8859-1' }, 415, 'Content-Type'],
  ['another FHIR version', { body: `${P}}`, type: 'application/fhir+json; fhirVersion=5.0' }, 415, 'Content-Type'],
  [
    "the other face's FHIR version",
    { body: `${P}}`, path: '/fhir/r4/Patient', type: 'application/fhir+json; fhirVersion=4.3' },
    415,
    'Content-Type',
  ],
  ['Accept of XML alone', { body: `${P}}`, headers: { accept: 'application/fhir+xml' } }, 406, 'Accept'],
  [
    'Accept of another FHIR version',
    { body: `${P}}`, headers: { accept: 'application/fhir+json; fhirVersion=5.0' } },
    406,
    'Accept',
  ],
  ['_format=xml', { path: '/fhir/r4b/Patient?_format=xml', body: `${P}}` }, 406, '_format'],
  ['_format=ttl on a read', { method: 'GET', path: '/fhir/r4b/Patient/a?_format=ttl', type: null }, 406, '_format'],
  // conditions
  [
    'a malformed If-Match',
    { method: 'DELETE', path: '/fhir/r4b/Patient/a', type: null, headers: { 'if-match': 'what' + ' ever' } },
    400,
    'If-Match',
  ],
  [
    'an If-None-Match that names a version',
    { method: 'PUT', path: '/fhir/r4b/Patient/a', body: `${P},"id":"a"}`, headers: { 'if-none-match': 'W/"1"' } },
    400,
    'If-None-Match',
  ],
  ['an If-None-Exist with _count', { body: `${P}}`, headers: { 'if-none-exist': 'active=true&_co%75nt=1' } }, 400, '_count'],
  [
    'an ifNoneExist with _sort',
    {
      path: '/fhir/r4b',
      body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":${P}},"request":{"method":"POST","url":"Patient","ifNoneExist":"active=true&_sort=name"}}]}`,
    },
    400,
    'Bundle.entry[0]',
  ],
  ['an If-None-Exist nobody understands', { body: `${P}}`, headers: { 'if-none-exist': 'nonsense=1' } }, 400, 'nonsense'],
  // bundles
  ['another resource at the base', { path: '/fhir/r4b', body: `${P}}` }, 400, 'resourceType'],
  ['a Bundle without a type', { path: '/fhir/r4b', body: '{"resourceType":"Bundle"}' }, 400, 'Bundle.type'],
  [
    'a transaction whose entry is no list',
    { path: '/fhir/r4b', body: '{"resourceType":"Bundle","type":"transaction","entry":{}}' },
    400,
    'Bundle.entry',
  ],
  [
    'a batch whose entry is null',
    { path: '/fhir/r4b', body: '{"resourceType":"Bundle","type":"batch","entry":[null]}' },
    400,
    'Bundle.entry[0]',
  ],
  [
    'a batch with an unknown method',
    {
      path: '/fhir/r4b',
      body: '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"TRACE","url":"Patient"}}]}',
    },
    422,
    'Bundle.entry[0].request.method',
  ],
  // searches: values, by the kind of parameter
  ...(
    [
      ['Observation?date=2020-13', 'date'],
      ['Observation?date=2020-02-30', 'date'],
      ['Observation?date=gt', 'date'],
      ['Observation?date=10:30', 'date'],
      ['Observation?date=2020-01-01T10', 'date'],
      ['Observation?_lastUpdated=yesterday', '_lastUpdated'],
      ['RiskAssessment?probability=half', 'probability'],
      ['RiskAssessment?probability=1.2.3', 'probability'],
      ['RiskAssessment?probability=1e999', 'probability'],
      ['RiskAssessment?probability=NaN', 'probability'],
      [`RiskAssessment?probability=${'9'.repeat(400)}`, 'probability'],
      ['Observation?value-quantity=many', 'value-quantity'],
      ['Observation?value-quantity=5|mg', 'value-quantity'],
      ['Observation?value-quantity=5|a|b|c', 'value-quantity'],
      ["Observation?value-quantity=1'; DROP TABLE resource;--", 'value-quantity'],
      ['Observation?code=a|b|c', 'code'],
      ['Observation?code=|', 'code'],
      ['Observation?code=a,,b', 'code'],
      ['Observation?code:of-type=a|b', 'code:of-type'],
      ['Observation?code:in=http://nowhere.example/vs', 'code:in'],
      ['Observation?code:below=http://nowhere.example/cs|x', 'code:below'],
      ['Observation?subject=not an id', 'subject'],
      ['Observation?subject=Nonsense/1', 'subject'],
      ['Observation?subject:Patient=Device/1', 'subject:Patient'],
      ['Observation?subject:identifier=a|b|c', 'subject:identifier'],
      ['Observation?subject:below=Patient/1', 'subject:below'],
      ['Observation?value-string=%20', 'value-string'],
      ['Observation?value-string:contains=%CC%81', 'value-string:contains'],
      ['Observation?code-value-quantity=8480-6', 'code-value-quantity'],
      ['Observation?code-value-quantity=8480-6$', 'code-value-quantity'],
      ['Observation?code-value-quantity=8480-6$many', 'code-value-quantity'],
      ['Observation?status:missing=maybe', 'status:missing'],
      ['Observation?subject:Patient.birthdate=yesterday', 'subject:Patient.birthdate'],
      ['Patient?_has:Observation:patient:date=yesterday', '_has:Observation:patient:date'],
      ['Location?near=51.5', 'near'],
      ['Location?near=north|west', 'near'],
      ['Location?near=51.5|0|1|parsec', 'near'],
      // modifiers
      ['Observation?status:nonsense=final', 'status:nonsense'],
      ['Observation?status:=final', 'status:'],
      ['Observation?status:exact=final', 'status:exact'],
      ['Observation?status:not:not=final', 'status:not:not'],
      ['Observation?date:not=2020', 'date:not'],
      ['Observation?value-quantity:contains=1', 'value-quantity:contains'],
      ['Observation?subject:Nonsense=1', 'subject:Nonsense'],
      ['ValueSet?url:text=x', 'url:text'],
      ['Observation?code-value-quantity:missing=true', 'code-value-quantity:missing'],
      // sizes
      ['Observation?_count=1001', '_count'],
      ['Observation?_count=1e3', '_count'],
      [`Observation?_id=${'a,'.repeat(1000)}a`, '_id'],
      [`Observation?code=${'x'.repeat(4097)}`, 'code'],
      [`Observation?${'status=final&'.repeat(201)}`, 'status'],
      [`Observation?${'_include=Observation:subject&'.repeat(41)}`, '_include'],
      // characters that are none
      ['Observation?status=a%00b', 'status'],
      ['Observation?value-string=a%00b', 'value-string'],
      ['Observation?subject=Patient/a%00b', 'subject'],
      ['Observation?_id=a%00b', '_id'],
      ['ValueSet?url:below=http://a%00b', 'url:below'],
      ['Observation?code=%ED%A0%80', 'code'],
      ['Observation?code=%ff', 'code'],
      ['Observation?code=%', 'code'],
    ] as const
  ).map(([query, told]): (typeof cases)[number] => [
    query.slice(0, 90),
    { method: 'GET', path: `/fhir/r4b/${query.replaceAll(' ', '%20')}`, type: null },
    400,
    told,
  ]),
  ...(
    [
      ['a form with too long a value', `code=${'x'.repeat(5_000)}`, 'code'],
      ['a form with a NUL', 'value-string=a%00b', 'value-string'],
      ['a form with half a surrogate pair', 'code=%ED%A0%80', 'code'],
      ['a form with a parameter too many', 'status=final&'.repeat(201), 'status'],
    ] as const
  ).map(([name, body, told]): (typeof cases)[number] => [
    name,
    { path: '/fhir/r4b/Observation/_search', body, type: 'application/x-www-form-urlencoded' },
    400,
    told,
  ]),
  // sizes
  [
    'a form over the limit',
    {
      path: '/fhir/r4b/Observation/_search',
      body: `code=${'x'.repeat(300_000)}`,
      type: 'application/x-www-form-urlencoded',
    },
    413,
    undefined,
  ],
  ['a body over the limit', { body: `${P},"language":"${'x'.repeat(1024 * 1024)}"}` }, 413, undefined],
];

describe('is refused, and nothing is stored:', () => {
  test.each(cases)('%s', async (_, input, status, told) => {
    const before = await stored();
    const refusal = await refuse(input);
    expect({ status: refusal.status, expression: told instanceof RegExp ? told : refusal.expression }).toEqual({
      status,
      expression: told,
    });
    if (told instanceof RegExp) expect(refusal.expression).toMatch(told);
    expect(refusal.type).toMatch(/^application\/fhir\+json/);
    expect(await stored()).toBe(before);
  });
});

/** Writes bytes to a bare socket and returns all that comes back until the hub closes it or `enough` has come. */
function raw(bytes: string, enough?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(hub.port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
      if (enough !== undefined && answer.includes(enough)) socket.destroy();
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

test('what is no HTTP is refused with an OperationOutcome', async () => {
  expect(await raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"OperationOutcome"/);
  expect(await raw(`GET /fhir/r4b/Patient HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(80_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 [\s\S]*"OperationOutcome"/,
  );
});

test.each([
  ['/fhir/r4b/metadata', 'h2c'],
  ['/fhir/r4b/metadata', 'websocket'],
  ['/socket.io', 'websocket'],
  ['/ws', 'h2c'],
])('a request to %s that offers %s is answered in HTTP', async (path, protocol) => {
  const answer = await raw(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
    '"resourceType"',
  );
  expect(answer).toMatch(path.startsWith('/fhir') ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 404 /);
});

test('a body that never comes to its end does not hold the hub, which goes on serving others', async () => {
  const before = await stored();
  const slow = raw(
    'POST /fhir/r4b/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n{"resource',
  );
  expect((await fetch(`${hub.fhir}/metadata`)).status).toBe(200);
  expect(await slow).toMatch(/^HTTP\/1\.1 408 /);
  expect(await stored()).toBe(before);
}, 180_000);

test('a body over the limit in chunks is refused too', async () => {
  const chunk = 'x'.repeat(60_000);
  const bytes = `POST /fhir/r4b/Patient HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\n${`ea60\r\n${chunk}\r\n`.repeat(20)}0\r\n\r\n`;
  expect(await raw(bytes, '}]}')).toMatch(/^HTTP\/1\.1 413 [\s\S]*"OperationOutcome"/);
});

test('no mutation of an official example makes the hub fail, and what it refuses it has not stored', async () => {
  const names = [
    'Patient-example',
    'Observation-f001',
    'Bundle-bundle-transaction',
    'Questionnaire-3141',
    'MedicationRequest-medrx0301',
  ];
  const folder = new URL('../../node_modules/hl7.fhir.r4b.examples/', import.meta.url);
  const texts = names.map((name) => JSON.stringify(JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))));
  const splice = fc.constantFrom(
    '',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    'null',
    '1e5',
    '-0',
    '\\',
    '\\u0000',
    '"id":"x",',
    '{}',
    '[]',
    '\0',
    '\ud83d',
    'é',
    '__proto__',
    '9'.repeat(70),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(12), splice), { minLength: 1, maxLength: 3 }),
      async (text, edits) => {
        let mutated = text;
        for (const [place, cut, put] of edits) {
          const at = Math.floor(place * mutated.length);
          mutated = mutated.slice(0, at) + put + mutated.slice(at + cut);
        }
        const { resourceType } = JSON.parse(text) as { resourceType: string };
        const before = await stored();
        const atBase = resourceType === 'Bundle';
        const response = await fetch(atBase ? hub.fhir : `${hub.fhir}/${resourceType}`, {
          method: 'POST',
          headers: { 'content-type': 'application/fhir+json' },
          body: mutated,
        });
        await response.text();
        expect(response.status).toBeLessThan(500);
        if (response.status >= 400) expect(await stored()).toBe(before);
      },
    ),
    { numRuns: 300 },
  );
}, 300_000);
