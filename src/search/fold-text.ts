const ASCII = /^[\x20-\x7e]*$/;

/** The form in which strings are compared: one case, no accents, white space single and none at the ends. */
export function foldText(text: string): string {
  const lower = ASCII.test(text) ? text.toLowerCase() : withoutCase(text.normalize('NFKD').replace(/\p{M}+/gu, ''));
  return /\s\s|^\s|\s$|[^\S ]/.test(lower) ? lower.replace(/\s+/g, ' ').trim() : lower;
}

/** Letter by letter and through the capital, so that ß is as SS and every form of a sigma is one, wherever it stands. */
function withoutCase(text: string): string {
  let folded = '';
  for (const letter of text) folded += letter.toUpperCase().toLowerCase();
  return folded;
}
