/** A name, or the beginning of names. */
export interface Pattern {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** True if one of the patterns covers the name. */
export function covers(patterns: readonly Pattern[], name: string): boolean {
  return patterns.some(({ text, isPrefix }) => isPrefix ? name.startsWith(text) : name === text);
}
