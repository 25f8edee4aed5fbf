import { play } from "./room_stage.ts";
import type { Step } from "./room_steps.ts";
import { simple } from "./simple/driver.ts";

// A client that comes back asks for its own id, and not always at once: its claim waits for an
// earlier one, or for the answer of other nodes. The stage has to know whose claim it answers.

const IN: readonly Step[] = [join(), { do: "grant", which: 0 }, { do: "settle" }];
const LEAVE: Step = { do: "leave", who: 0 };
const AGAIN: Step = { do: "again", who: 0 };

for (const how of ["deny", "break", "grant"] as const) {
  plays(`the claim of a client that comes back meets "${how}"`, [
    ...IN,
    LEAVE,
    AGAIN,
    join(),
    { do: how, which: 0 },
  ]);
  plays(`a claim that waited for the claim of a client that left meets "${how}"`, [
    ...IN,
    LEAVE,
    AGAIN,
    join(),
    LEAVE,
    AGAIN,
    { do: "grant", which: 0 },
    join(),
    { do: how, which: 1 },
  ]);
}

// Each further claim comes behind those of the clients that joined meanwhile.
for (const times of [2, 3, 4]) {
  plays(`the claims of a client that comes back are denied ${times} times`, [
    ...IN,
    LEAVE,
    AGAIN,
    ...Array.from({ length: times }, (_, nth): Step[] => [join(), { do: "deny", which: nth }])
      .flat(),
  ]);
}

function join(): Step {
  return { do: "join", voice: 0, room: "p" };
}

/** Whatever becomes of the claim, everybody has an answer and knows its room. */
function plays(name: string, steps: readonly Step[]): void {
  Deno.test(name, async () => {
    for (const kind of simple.rooms) await play(simple.dialect, kind, { isSlow: true, steps });
  });
}
