import fc from "fast-check";

/**
 * Text of any code points, lone surrogates included, each as likely as ASCII as it is as anything
 * else. (fast-check's own `binary` unit takes a second to get ready.)
 */
export function anyText(maxLength = 20): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0x10ffff }))
    .map((code) => String.fromCodePoint(code));
  return fc.string({ unit, maxLength });
}
