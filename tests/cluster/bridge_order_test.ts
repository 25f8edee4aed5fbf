import { playCalls } from "../helpers/cluster/call_story.ts";

// Two clients of different dialects on two nodes, which call, answer and hang up in an order that a
// seed decides: nothing of one call or connection reaches a later one.

const SEEDS = [1001, 2000, 2047, 5014, 5041, 5079, 8076, 10006, 10247];
const KILLS = SEEDS.slice(0, 3);
const MOVES = [3, 8, 12, 42, 50, 67, 128];
const BROKEN_MOVES = [1, 17, 32, 40];
const KILLED_MOVES = [8, 15, 20, 25, 26, 40];

for (const room of [undefined, "room"]) {
  const where = room === undefined ? "without a room" : "in a room";
  for (const seed of SEEDS) {
    Deno.test(`nothing of a call reaches a later one, ${where}, seed ${seed}`, () =>
      playCalls(seed, room));
    Deno.test(`nothing of a call reaches a later one, ${where} while connections break, seed ${seed}`, () =>
      playCalls(seed, room, { breaks: 0.1 }));
  }
  for (const seed of KILLS) {
    Deno.test(`nothing of a call reaches a later one, ${where} while the engine starts again, seed ${seed}`, () =>
      playCalls(seed, room, { kills: 0.03 }));
  }
  for (const seed of MOVES) {
    Deno.test(`nothing of a call reaches a later one, ${where} while peers move, seed ${seed}`, () =>
      playCalls(seed, room, { moves: 0.1 }));
  }
  for (const seed of BROKEN_MOVES) {
    Deno.test(`nothing of a call reaches a later one, ${where} while peers move and connections break, seed ${seed}`, () =>
      playCalls(seed, room, { moves: 0.1, breaks: 0.1 }));
  }
  for (const seed of KILLED_MOVES) {
    Deno.test(`nothing of a call reaches a later one, ${where} while peers move and the engine starts again, seed ${seed}`, () =>
      playCalls(seed, room, { moves: 0.05, kills: 0.03 }));
  }
}
