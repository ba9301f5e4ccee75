const ASCII = /^[\x20-\x7e]*$/;

/** The form in which strings are compared: lower case, no accents, white space single and none at the ends. */
export function foldText(text: string): string {
  const plain = ASCII.test(text) ? text : text.normalize('NFKD').replace(/\p{M}+/gu, '');
  const lower = plain.toLowerCase();
  return /\s\s|^\s|\s$|[^\S ]/.test(lower) ? lower.replace(/\s+/g, ' ').trim() : lower;
}
