import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { prettyJson } from '../../../src/http/pretty-json.js';

describe('pretty JSON', () => {
  test('looks as JSON.stringify would indent it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  test('keeps every digit', () => {
    expect(prettyJson('{"value":1.00,"big":12345678901234567890.10e-3}')).toBe(
      '{\n  "value": 1.00,\n  "big": 12345678901234567890.10e-3\n}',
    );
  });
});
