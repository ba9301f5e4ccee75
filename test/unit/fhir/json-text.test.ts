import { expect, test } from '@jest/globals';
import { FhirError, type Issue } from '../../../src/fhir/fhir-error.js';
import { parseJson } from '../../../src/fhir/json-text.js';

function refusal(input: Buffer | string): Issue & { status: number } {
  try {
    parseJson(input);
  } catch (error) {
    if (error instanceof FhirError) return { ...error.issues[0]!, status: error.status };
    throw error;
  }
  throw new Error('was taken');
}

function nested(levels: number, open: string, close: string): string {
  return `{"a":${open.repeat(levels - 1)}1${close.repeat(levels - 1)}}`;
}

test('drops the white space between tokens and nothing else', () => {
  const { text, value } = parseJson('\r\n { "a b" : [ 1.00 , -0 ,\t1E+2 , "x \\u00e9 \\/ y" , { } , [ ] ] ,\n"c":true }\n ');
  expect(text).toBe('{"a b":[1.00,-0,1E+2,"x \\u00e9 \\/ y",{},[]],"c":true}');
  expect(value).toEqual({ 'a b': [1, -0, 100, 'x é / y', {}, []], c: true });
});

test('takes text without anything to drop, bytes or string, with or without a byte order mark', () => {
  const text = '{"name":"Zoë 😀","list":[null,false]}';
  for (const input of [text, Buffer.from(text), Buffer.from(`\uFEFF${text}`), `\uFEFF  ${text}`, `${text}\n`]) {
    expect(parseJson(input)).toEqual({ text, value: { name: 'Zoë 😀', list: [null, false] } });
  }
});

test('leaves the bytes it was given as they were', () => {
  const bytes = Buffer.from('{ "a" : 1 }');
  parseJson(bytes);
  expect(bytes.toString()).toBe('{ "a" : 1 }');
});

test.each([
  ['nothing', '', 'invalid', /empty/],
  ['only white space', ' \n ', 'invalid', /empty/],
  ['a list', '[{}]', 'structure', /one JSON object/],
  ['a bare string', '"x"', 'structure', /one JSON object/],
  ['an unclosed object', '{"a":1', 'invalid', /end of the body/],
  ['an unclosed string', '{"a":"x', 'invalid', /inside a string/],
  ['a string that ends in a backslash', '{"a":"x\\', 'invalid', /escape/],
  ['two objects', '{}{}', 'invalid', /more behind the end/],
  ['a trailing comma', '{"a":1,}', 'invalid', /member name/],
  ['a trailing comma in a list', '{"a":[1,]}', 'invalid', /value/],
  ['a missing comma', '{"a":1 "b":2}', 'invalid', /comma/],
  ['a bracket that closes a brace', '{"a":1]', 'invalid', /comma or }/],
  ['a missing colon', '{"a" 1}', 'invalid', /colon/],
  ['a name without quotes', '{a:1}', 'invalid', /member name/],
  ['single quotes', "{'a':1}", 'invalid', /member name/],
  ['a comment', '{/* x */"a":1}', 'invalid', /member name/],
  ['an unknown word', '{"a":undefined}', 'invalid', /value/],
  ['half a word', '{"a":tru}', 'invalid', /value/],
  ['NaN', '{"a":NaN}', 'invalid', /value/],
  ['a leading zero', '{"a":01}', 'invalid', /comma/],
  ['a leading plus', '{"a":+1}', 'invalid', /value/],
  ['a bare point', '{"a":.5}', 'invalid', /value/],
  ['a point without digits', '{"a":5.}', 'invalid', /digits/],
  ['an exponent without digits', '{"a":1e}', 'invalid', /digits/],
  ['a lone minus', '{"a":-}', 'invalid', /digits/],
  ['an exponent no decimal has', '{"a":1e999}', 'invalid', /exponent/],
  ['an endless exponent', `{"a":1e${'9'.repeat(1000)}}`, 'invalid', /exponent/],
  ['an endless number', `{"a":${'9'.repeat(1000)}}`, 'invalid', /longer than 64/],
  ['a raw NUL', '{"a":"x\u0000"}', 'invalid', /control character/],
  ['an escaped NUL', '{"a":"x\\u0000"}', 'invalid', /NUL/],
  ['an escaped control character', '{"a":"\\u001B"}', 'invalid', /U\+001B/],
  ['a form feed', '{"a":"\\f"}', 'invalid', /control characters/],
  ['a raw line end in a string', '{"a":"x\ny"}', 'invalid', /control character/],
  ['an unknown escape', '{"a":"\\x41"}', 'invalid', /escape/],
  ['a short unicode escape', '{"a":"\\u12"}', 'invalid', /hexadecimal/],
  ['a lone high surrogate', '{"a":"\\ud800"}', 'invalid', /surrogate/],
  ['a high surrogate before a letter', '{"a":"\\ud800\\u0041"}', 'invalid', /surrogate/],
  ['a lone low surrogate', '{"a":"\\udc00"}', 'invalid', /surrogate/],
  ['a raw lone surrogate', '{"a":"\ud800"}', 'invalid', /surrogate/],
  ['a member twice', '{"a":1,"b":2,"a":3}', 'structure', /"a" stands twice.*column 14/],
  ['a member twice, once with escapes', '{"status":1,"\\u0073tatus":2}', 'structure', /"status" stands twice/],
  ['a member twice, deep inside', '{"a":[{"b":{}},{"b":{"c":1,"c":1}}]}', 'structure', /"c" stands twice/],
  ['__proto__', '{"a":{"__proto__":{"b":1}}}', 'structure', /__proto__/],
  ['__proto__ in escapes', '{"\\u005f_proto__":1}', 'structure', /__proto__/],
] as const)('refuses %s, saying what to mend', (_, input, code, message) => {
  expect(refusal(input)).toMatchObject({ code, status: 400, diagnostics: expect.stringMatching(message) });
});

test('takes the same name in different objects, and names that only look dangerous', () => {
  const text = '{"a":{"a":{"a":[{"a":1},{"a":1}]}},"constructor":1,"toString":2,"hasOwnProperty":3,"_proto_":4,"":5}';
  expect(parseJson(text).text).toBe(text);
});

test('counts lines and columns as an editor does', () => {
  expect(refusal('{\n  "größe": "😀", oops\n}').diagnostics).toContain('line 2, column 17');
  expect(refusal('\uFEFF{"a":x}').diagnostics).toContain('line 1, column 6');
});

test('refuses bytes that are not UTF-8', () => {
  for (const bytes of [
    [0x22, 0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xfe, 0xff, 0x00, 0x7b],
  ]) {
    expect(refusal(Buffer.from([0x7b, ...bytes, 0x7d])).diagnostics).toContain('UTF-8');
  }
});

test('takes nesting up to the limit and refuses what is deeper, however deep', () => {
  expect(parseJson(nested(64, '[', ']')).text).toHaveLength(nested(64, '[', ']').length);
  expect(parseJson(nested(64, '{"a":', '}')).value).toBeDefined();
  for (const levels of [65, 1_000, 1_000_000]) {
    expect(refusal(nested(levels, '[', ']'))).toMatchObject({
      code: 'structure',
      diagnostics: expect.stringContaining('64 deep'),
    });
    expect(refusal(nested(levels, '{"a":', '}'))).toMatchObject({ code: 'structure' });
  }
});

test('takes numbers as long and as large as the official examples have', () => {
  const text = '{"a":[1.000000000000000000E-245,-1.000000000000000000E+245,12345678901234567890,0.10]}';
  expect(parseJson(text).text).toBe(text);
});

test('reads a large hostile body in time linear to its size', () => {
  const many = `{${Array.from({ length: 200_000 }, (_, index) => `"k${index}":${index}`).join(', ')}}`;
  expect(Object.keys(parseJson(many).value)).toHaveLength(200_000);
  expect(refusal(`${many.slice(0, -1)},"k7":0}`).diagnostics).toContain('"k7" stands twice');
});
