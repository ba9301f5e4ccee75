import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { textsOfXhtml } from '../../../../src/search/full-text/narrative-text.js';
import { contentWords, narrativeWords } from '../../../../src/search/full-text/resource-words.js';
import { wordsOf } from '../../../../src/search/full-text/words.js';

describe('words of a text', () => {
  test.each([
    ['Café au LAIT', ['cafe', 'au', 'lait']],
    ['x-ray, 12.5 mg/dl', ['x', 'ray', '12', '5', 'mg', 'dl']],
    ['血压计 and ホ', ['血', '压', '计', 'and', 'ホ']],
    ['ﬁbrosis', ['fibrosis']],
    ['😀 \u0000 --', []],
    ['a'.repeat(80), ['a'.repeat(64)]],
  ])('%s', (text, words) => expect(wordsOf(text)).toEqual(words));

  test('hold nothing but letters and digits, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const word of wordsOf(text)) expect(word).toMatch(/^[\p{L}\p{N}]{1,64}$/u);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('texts of a narrative', () => {
  test.each([
    ['<div>one <b>tw</b>o<br/>three</div>', ['one two', 'three']],
    ['<td>a</td><td title="x > y">b</td>', ['a', 'b']],
    ['a &lt;b&gt; &amp;amp; &#233;t&#xe9; &eacute;&Omega;&nbsp;x &madeup;', ['a <b> &amp; été éΩ x  ']],
    ['a<!-- secret -- <b> -->b', ['ab']],
    ['<![CDATA[1 < 2 &amp;]]>', ['1 < 2 &amp;']],
    ['a < b', ['a   b']],
    ['<div title="never closed', []],
    ['&#0;&#xd800;&#9999999;x', ['   x']],
  ])('%s', (xhtml, texts) => expect(textsOfXhtml(xhtml)).toEqual(texts));

  test('are found in one pass, however odd the fragment', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '>', '"', "'", '&', '#', ';', '<!--', '-->', '<![CDATA[', ']]>', 'a', ' ', '/')),
        (parts) => {
          expect(Array.isArray(textsOfXhtml(parts.join('')))).toBe(true);
        },
      ),
    );
    const begun = performance.now();
    textsOfXhtml('<a "'.repeat(200_000));
    textsOfXhtml('<!--'.repeat(200_000));
    textsOfXhtml('&#'.repeat(200_000));
    // Quadratic would be minutes.
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});

describe('words of a resource', () => {
  const resource = {
    resourceType: 'Patient',
    id: 'secretid',
    meta: { versionId: 'versionword', lastUpdated: '2026-01-01', tag: [{ system: 'http://tags.example', code: 'tagword' }] },
    text: { status: 'generated', div: '<div><p>Narrative <i>wor</i>ds</p><p>two</p></div>' },
    name: [{ given: ['Peter', 'James'], family: 'Chalmers' }],
    generalPractitioner: [{ reference: 'Practitioner/refword', display: 'Dr Who' }],
    photo: [{ contentType: 'image/png', data: 'YmFzZXdvcmQ', url: 'http://urlword.example/x' }],
    identifier: [{ system: 'urn:oid:1.2.3', value: 'MRN-77' }],
    contained: [{ resourceType: 'Organization', id: 'c', name: 'Innerword' }],
    extension: [
      { url: 'https://carillon.example/fhir/StructureDefinition/any', valueString: 'hubword' },
      { url: 'http://other.example/e', valueBase64Binary: 'Ym9v', valueString: 'extword' },
    ],
  };

  test('are those of its narrative for _text', () => {
    expect([...narrativeWords(resource).keys()]).toEqual(['narrative', 'words', 'two']);
  });

  test('are all its texts for _content, but no names, ids, references, addresses, base64 or what is meant for the hub', () => {
    const words = [...contentWords(resource).places.keys()];
    expect(words).toEqual(
      expect.arrayContaining([
        'narrative',
        'tagword',
        'peter',
        'chalmers',
        'who',
        'mrn',
        '77',
        'innerword',
        'extword',
        'png',
        'generated',
      ]),
    );
    for (const word of [
      'patient',
      'secretid',
      'versionword',
      'refword',
      'ymfzzxdvcmq',
      'ym9v',
      'urlword',
      'oid',
      'hubword',
      'given',
    ])
      expect(words).not.toContain(word);
  });

  test('of the headers and secrets of a Subscription there are none, sealed or not', () => {
    const words = contentWords({
      resourceType: 'Subscription',
      reason: 'because',
      channel: {
        type: 'rest-hook',
        header: ['Authorization: Bearer plainsecret', 'X: sealed.v1.0123456789abcdef.aaaaabbbbbcccccdddddeeeeefffffggggghhhhh'],
        extension: [
          { url: 'https://carillon.example/fhir/StructureDefinition/subscription-signing-secret', valueString: 'whsec_plain' },
        ],
      },
    }).places;
    expect([...words.keys()]).toEqual(['because', 'rest', 'hook']);
  });

  test('of two texts never follow one another', () => {
    const { places, narrativeEnd } = contentWords(resource);
    expect(places.get('james')![0]! - places.get('peter')![0]!).toBeGreaterThan(1);
    expect(places.get('two')![0]! - places.get('words')![0]!).toBe(2);
    expect(narrativeEnd).toBe(places.get('two')![0]);
  });
});
