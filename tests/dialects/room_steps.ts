import fc from "fast-check";

/** Something that happens on the stage; numbers choose among those who are there. */
export type Step =
  | { readonly do: "join"; readonly voice: number; readonly room: string }
  /** One of the ids that were asked for is given out, or refused, or nobody can tell. */
  | { readonly do: "grant" | "deny" | "break"; readonly which: number }
  /** Somebody says a few things to one whom it knows. */
  | { readonly do: "talk"; readonly who: number; readonly to: number; readonly words: number }
  /** "stray": talks to one who is elsewhere or has left; "again": comes back, or joins once more. */
  | {
    readonly do: "stray" | "describe" | "leave" | "lose" | "again";
    readonly who: number;
  }
  /** A few microtasks run, perhaps not all that wait. */
  | { readonly do: "wait"; readonly rounds: number }
  /** Time passes, "settle": until nothing is under way; then everything is compared. */
  | { readonly do: "pass" | "settle" };

/** Steps in rooms of these names; one that stands there twice has more members. */
export function stepIn(
  ...rooms: readonly [string, ...string[]]
): fc.Arbitrary<Step> {
  const number = fc.nat(9_999);
  const one = <const A extends string>(action: A) =>
    fc.record({ do: fc.constant(action), who: number });
  const answer = <const A extends string>(action: A) =>
    fc.record({ do: fc.constant(action), which: number });
  const join = fc.record({
    do: fc.constant("join" as const),
    voice: number,
    room: fc.constantFrom(...rooms),
  });
  const talk = fc.record({
    do: fc.constant("talk" as const),
    who: number,
    to: number,
    words: fc.integer({ min: 1, max: 6 }),
  });
  const wait = fc.record({
    do: fc.constant("wait" as const),
    rounds: fc.integer({ min: 1, max: 4 }),
  });
  return fc.oneof(
    { weight: 10, arbitrary: join },
    { weight: 8, arbitrary: answer("grant") },
    { weight: 1, arbitrary: answer("deny") },
    { weight: 1, arbitrary: answer("break") },
    { weight: 12, arbitrary: talk },
    { weight: 2, arbitrary: one("stray") },
    { weight: 1, arbitrary: one("describe") },
    { weight: 3, arbitrary: one("leave") },
    { weight: 2, arbitrary: one("lose") },
    { weight: 3, arbitrary: one("again") },
    { weight: 6, arbitrary: wait },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "pass" }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "settle" }) },
  );
}
