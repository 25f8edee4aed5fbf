/** A name, or the beginning of names. */
export interface NamePattern {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** True if one of the patterns covers the name. */
export function covers(patterns: readonly NamePattern[], name: string): boolean {
  return patterns.some(({ text, isPrefix }) => isPrefix ? name.startsWith(text) : name === text);
}
