/** Minified JSON text with line breaks and indentation, for `_pretty=true`. Works on the text, so that digits stay as they are. */
export function prettyJson(text: string): string {
  let depth = 0;
  const broken = () => `\n${'  '.repeat(depth)}`;
  return text.replace(TOKEN, (token) => {
    switch (token) {
      case '{':
      case '[':
        depth++;
        return token + broken();
      case '}':
      case ']':
        depth--;
        return broken() + token;
      case ',':
        return token + broken();
      case ':':
        return ': ';
      default:
        return token;
    }
  });
}

/** Strings and empty brackets are taken whole, so that nothing inside them is touched. */
const TOKEN = /"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{}[\],:]/g;
