/**
 * Deeper nesting is refused: nothing that a client needs comes near it, and everything that ever
 * walks over a value may rely on it.
 */
const MAX_DEPTH = 64;

/** Whether a value nests too deeply. `text` is what it was read from: most texts need only a look. */
export function isTooDeep(text: string, value: unknown): boolean {
  return opens(text, "{") + opens(text, "[") > MAX_DEPTH && isDeep(value);
}

function opens(text: string, bracket: string): number {
  let count = 0;
  let at = text.indexOf(bracket);
  while (at !== -1 && count <= MAX_DEPTH) {
    count++;
    at = text.indexOf(bracket, at + 1);
  }
  return count;
}

/** Walks level by level, not recursively: the value may be as deep as the text was long. */
function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item === "object" && item !== null) {
        for (const inner of Object.values(item)) next.push(inner);
      }
    }
    level = next;
  }
  return false;
}
