/** Shorter texts are cheaper to write again than to keep. */
const MIN_KEPT_LENGTH = 1_024;

/**
 * The JSON of values that never change, such as a member's description, which every newcomer gets. The
 * JSON of a large object is written once and kept as long as the object.
 */
export class JsonOnce {
  readonly #texts = new WeakMap<object, string>();

  textOf(value: unknown): string {
    if (value === null) return "null";
    if (typeof value !== "object") return JSON.stringify(value);
    const kept = this.#texts.get(value);
    if (kept !== undefined) return kept;
    const text = JSON.stringify(value);
    if (text.length >= MIN_KEPT_LENGTH) this.#texts.set(value, text);
    return text;
  }
}
