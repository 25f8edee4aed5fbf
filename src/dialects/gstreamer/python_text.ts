// The reference server is a Python program, and its clients see two habits of that language: its
// idea of white space when a command is split, and the look of a value inside an error text.

/** White space as `str.split` has it; JavaScript's `\s` differs in four places. */
export function isWhitespace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x1f) ||
    code === 0x85 || code === 0xa0 || code === 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000;
}

/**
 * Splits into at most `count` parts, as `text.split(maxsplit=count - 1)` does: leading white space
 * is skipped, and the last part keeps all of its inner and trailing white space.
 */
export function split(text: string, count: number): string[] {
  const parts: string[] = [];
  let at = skip(text, 0, true);
  while (at < text.length && parts.length < count - 1) {
    const end = skip(text, at, false);
    parts.push(text.slice(at, end));
    at = skip(text, end, true);
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

/** Whether a text is one word: not empty, and without any white space. */
export function isWord(text: string): boolean {
  return text !== "" && skip(text, 0, false) === text.length;
}

/** A value as Python's `repr` shows it. */
export function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = quote;
  for (const character of text) shown += reprOf(character, quote);
  return shown + quote;
}

/** The first position from `at` whose character is not (or is) white space. */
function skip(text: string, at: number, whitespace: boolean): number {
  while (at < text.length && isWhitespace(text.charCodeAt(at)) === whitespace) at++;
  return at;
}

const SHORT_ESCAPES = new Map([["\\", "\\\\"], ["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

function reprOf(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return character;
  if (code > 0xff && isPrintable(character)) return character;
  if (code > 0xa0 && code <= 0xff && code !== 0xad) return character;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** No control, format, surrogate, private or unassigned character, and no separator. */
function isPrintable(character: string): boolean {
  return !/[\p{C}\p{Z}]/u.test(character);
}
