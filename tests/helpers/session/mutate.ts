import type { Frame } from "../../../src/core/session.ts";

/** A small generator of numbers that only look random: the same seed gives the same ones. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `sides - 1` (the algorithm is called mulberry32). */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    // Always one of them: a roll is below the number of items.
    return items[this.roll(items.length)] as T;
  }
}

const PIECES = [
  ...['"', "{", "}", "[", "]", ":", ",", "\\", "\\u0000", "\\ud800", "null", "1e999", "-0"],
  ...[" ", "\n", "\0", "\x1c", "\x85", "\u3000", "\ufeff", "\ud800", "😀", "'", "%", "__proto__"],
] as const;

/** A frame made of real ones, by one to three changes that keep most of their grammar. */
export function mutate(dice: Dice, corpus: readonly [string, ...string[]]): Frame {
  let text = dice.pick(corpus);
  for (let changes = 1 + dice.roll(3); changes > 0; changes--) text = change(dice, text, corpus);
  if (dice.roll(8) > 0) return text;
  const bytes = new TextEncoder().encode(text);
  for (let flips = dice.roll(3); flips > 0 && bytes.length > 0; flips--) {
    bytes[dice.roll(bytes.length)] = dice.roll(256);
  }
  return bytes;
}

function change(dice: Dice, text: string, corpus: readonly [string, ...string[]]): string {
  const at = dice.roll(text.length + 1);
  const end = at + dice.roll(10);
  switch (dice.roll(7)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(end);
    case 2:
      return text.slice(0, end) + text.slice(at);
    case 3:
      return text.slice(0, at) + dice.pick(PIECES) + text.slice(at);
    case 4:
      return text.slice(0, at) + String.fromCharCode(dice.roll(0x10000)) + text.slice(at + 1);
    case 5:
      return text.slice(0, at) + dice.pick(corpus).slice(at);
    default:
      return text;
  }
}
