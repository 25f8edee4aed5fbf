import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isWhitespace, isWord, repr, split } from "../../../src/dialects/gstreamer/python_text.ts";
import table from "../../fixtures/gstreamer/python_text.json" with { type: "json" };
import { anyText } from "../../helpers/session/arbitraries.ts";

// The table is what Python itself says; scripts/python_text.py makes it.

Deno.test("split() cuts every text as Python does", () => {
  assert(table.rows.length > 100);
  for (const { text, split: all, split1, split2 } of table.rows) {
    assertEquals(split(text, Infinity), all);
    assertEquals(split(text, 2), split1);
    assertEquals(split(text, 3), split2);
  }
});

Deno.test("repr() quotes every text as Python does", () => {
  for (const { text, repr: shown } of table.rows) assertEquals(repr(text), shown);
});

Deno.test("repr() shows what is no character at all", () => {
  assertEquals(repr("\ud83d"), "'\\ud83d'");
  assertEquals(repr("a\udc00b"), "'a\\udc00b'");
  assertEquals(repr("\u{e0001}"), "'\\U000e0001'");
});

Deno.test("white space is Python's, which is not JavaScript's", () => {
  const codes = Array.from({ length: 0x10000 }, (_, code) => code).filter(isWhitespace);
  const expected = [
    [0x09, 0x0d],
    [0x1c, 0x20],
    [0x85, 0x85],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
  ].flatMap(([from = 0, to = 0]) => Array.from({ length: to - from + 1 }, (_, nth) => from + nth));
  assertEquals(codes, expected);
});

const BLANKS = [..." \t\n\r\v\f\x1c\x1f\x85\xa0\u2003\u3000"];
const NO_BLANKS = [..."aA'\"\\ü語😀\ufeff\u200b\0"];
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...BLANKS, ...NO_BLANKS), maxLength: 30 }),
  anyText(),
);
const word = fc.string({ unit: fc.constantFrom(...NO_BLANKS), minLength: 1, maxLength: 5 });
const blank = fc.string({ unit: fc.constantFrom(...BLANKS), minLength: 1, maxLength: 3 });

Deno.test("a text is its parts, with nothing but white space before and between them", () => {
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 5 }), (text, count) => {
    const parts = split(text, count);
    assert(parts.length <= count);
    let at = 0;
    for (const part of parts) {
      const start = text.indexOf(part, at);
      assert([...text.slice(at, start)].every((unit) => isWhitespace(unit.charCodeAt(0))));
      at = start + part.length;
    }
    const rest = text.slice(at);
    assert([...rest].every((unit) => isWhitespace(unit.charCodeAt(0))));
    // Where there are as many parts as may be, the last one keeps what follows it.
    if (parts.length === count) assertEquals(rest, "");
    for (const part of parts.slice(0, count - 1)) assert(isWord(part));
  }));
});

Deno.test("words that are joined by white space are split again into the same words", () => {
  const words = fc.array(word, { minLength: 2, maxLength: 6 });
  fc.assert(fc.property(words, blank, blank, (words, gap, end) => {
    const [first, ...others] = words;
    const joined = gap + words.join(gap) + end;
    assertEquals(split(joined, Infinity), words);
    assertEquals(split(joined, 2), [first, others.join(gap) + end]);
  }));
});

Deno.test("a word is a text that split() leaves alone", () => {
  fc.assert(fc.property(text, (text) => {
    const [only, ...others] = split(text, Infinity);
    assertEquals(isWord(text), only === text && others.length === 0);
  }));
});

Deno.test("a quoted text is one line of harmless characters, and no two texts look alike", () => {
  fc.assert(fc.property(text, text, (one, other) => {
    const shown = repr(one);
    assert(/^(['"]).*\1$/s.test(shown));
    assertEquals(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(shown), false);
    assertEquals(shown === repr(other), one === other);
  }));
});
