import { foldText } from '../fold-text.js';

/**
 * Letters and digits in a row. Scripts that set no spaces between words have a word for each character: what is asked for in them is a row
 * of such words.
 */
const WORD =
  /[[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]&&[\p{L}\p{N}]]|[[\p{L}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]]+/gv;
const PLAIN_WORD = /[a-z0-9]+/g;
const ASCII = /^[\x00-\x7f]*$/;

/** Characters of a word that count; what follows them makes no difference. */
const LONGEST_WORD = 64;

/** The words of a text in their order, in lower case and without accents, as strings are compared: `Röntgen-Bild` is `rontgen`, `bild`. */
export function wordsOf(text: string): string[] {
  const folded = foldText(text);
  const words = folded.match(ASCII.test(folded) ? PLAIN_WORD : WORD) ?? [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word.length > LONGEST_WORD) words[i] = [...word].slice(0, LONGEST_WORD).join('');
  }
  return words;
}
