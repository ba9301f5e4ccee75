/**
 * The texts of an XHTML fragment, each between two breaks of the layout: what stands in another paragraph or cell is another text, while
 * `<b>he</b>art` is one word. Comments say nothing. One pass, whatever the fragment; what is no XHTML is text.
 */
export function textsOfXhtml(xhtml: string): string[] {
  const texts: string[] = [];
  let text = '';
  let from = 0;
  while (from < xhtml.length) {
    const open = xhtml.indexOf('<', from);
    if (open < 0) break;
    text += xhtml.slice(from, open);
    const { end, breaks, raw } = tagAt(xhtml, open);
    text += raw;
    if (breaks) {
      texts.push(text);
      text = '';
    }
    from = end;
  }
  texts.push(text + xhtml.slice(from));
  return texts.map(withoutEntities).filter((each) => /\S/.test(each));
}

/** Elements that stand within a word or a sentence. */
const INLINE = new Set(
  'a abbr acronym b bdo big cite code del dfn em font i ins kbd q s samp small span strike strong sub sup tt u var'.split(' '),
);

/** What begins at a `<`: where it ends, whether it breaks the text, and what of it is text. */
function tagAt(xhtml: string, open: number): { end: number; breaks: boolean; raw: string } {
  if (xhtml.startsWith('<!--', open)) return { end: endOf(xhtml, '-->', open + 4), breaks: false, raw: '' };
  if (xhtml.startsWith('<![CDATA[', open)) {
    const end = endOf(xhtml, ']]>', open);
    return { end, breaks: false, raw: xhtml.slice(open + 9, end - 3).replaceAll('&', '&amp;') };
  }
  NAME.lastIndex = open;
  const name = NAME.exec(xhtml)?.[1];
  if (name === undefined && xhtml[open + 1] !== '!' && xhtml[open + 1] !== '?') return { end: open + 1, breaks: false, raw: ' ' };
  return { end: endOfTag(xhtml, open), breaks: name === undefined || !INLINE.has(name.toLowerCase()), raw: '' };
}

const NAME = /<\/?([A-Za-z][A-Za-z0-9]{0,20})/y;

function endOf(xhtml: string, mark: string, from: number): number {
  const at = xhtml.indexOf(mark, from);
  return at < 0 ? xhtml.length : at + mark.length;
}

/** Behind the `>` that stands in no attribute's value. */
function endOfTag(xhtml: string, open: number): number {
  let at = open + 1;
  for (;;) {
    END.lastIndex = at;
    const found = END.exec(xhtml)?.[0];
    if (found === undefined) return xhtml.length;
    if (found === '>') return END.lastIndex;
    at = xhtml.indexOf(found, END.lastIndex) + 1;
    if (at === 0) return xhtml.length;
  }
}

const END = /[>"']/g;

const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,9}));/g;

function withoutEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(ENTITY, (_, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED.get(name) ?? ' ';
    const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : ' ';
  });
}

/**
 * Entities of XHTML that are letters, digits or signs of markup; of the others a word is not made.
 * https://www.w3.org/TR/xhtml1/dtds.html#h-A2
 */
const NAMED = new Map<string, string>(Object.entries({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', shy: '' }));
const LATIN =
  'Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml';
LATIN.split(' ').forEach((name, i) => NAMED.set(name, String.fromCharCode(0xc0 + i)));
const GREEK =
  'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau upsilon phi chi psi omega';
GREEK.split(' ').forEach((name, i) => {
  NAMED.set(name, String.fromCharCode(0x3b1 + i));
  if (name !== 'sigmaf') NAMED.set(name[0]!.toUpperCase() + name.slice(1), String.fromCharCode(0x391 + i));
});
for (const [name, text] of Object.entries({
  OElig: 'Œ',
  oelig: 'œ',
  Scaron: 'Š',
  scaron: 'š',
  Yuml: 'Ÿ',
  micro: 'µ',
  ordf: 'ª',
  ordm: 'º',
}))
  NAMED.set(name, text);
for (const [name, text] of Object.entries({ sup1: '¹', sup2: '²', sup3: '³', frac14: '¼', frac12: '½', frac34: '¾' }))
  NAMED.set(name, text);
