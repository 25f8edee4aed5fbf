import { randomOf } from "./memory_engine.ts";

/** One thing that happens in a run. Ids name the client that has the id at that moment, if any. */
export type Action =
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "claim"; readonly id: string; readonly at: number }
  | { readonly do: "leave" | "join" | "describe"; readonly id: string }
  /** "pass": the sender waits for the outcome. */
  | { readonly do: "send" | "pass" | "pair"; readonly id: string; readonly to: string }
  | Fault;

export type Fault =
  /** All connections to the engine break. */
  | { readonly do: "break" }
  /** The engine's data of this moment are those of a replica. */
  | { readonly do: "copy" }
  /** The engine is killed, and comes back with everything, nothing, or the replica's data. */
  | {
    readonly do: "kill";
    readonly keeps: "everything" | "nothing" | "copy";
    readonly ms: number;
  }
  /** The engine stands still, with its connections. */
  | { readonly do: "freeze"; readonly ms: number }
  /** The engine takes no writes. */
  | { readonly do: "refuse"; readonly why: "memory" | "replica"; readonly ms: number }
  /** A node cannot reach the engine, or its process stands still. */
  | { readonly do: "cut" | "stop"; readonly at: number; readonly ms: number }
  /** A node's process ends, and another one starts. */
  | { readonly do: "crash"; readonly at: number; readonly isNamedAlike: boolean };

export const NODES = 3;
/** Each of the groups has a dialect of its own. */
export const GROUPS = {
  /** Ids whose holders cannot be replaced. */
  plain: ["a", "b", "c", "d"],
  /** Ids that every client has the proof for. */
  proven: ["e", "f"],
  /** Ids of peers that are in one call at a time. */
  exclusive: ["g", "h", "i"],
} as const;

export type Group = keyof typeof GROUPS;

export const IDS: readonly string[] = Object.values(GROUPS).flat();

export function groupOf(id: string): Group {
  if (GROUPS.plain.some((one) => one === id)) return "plain";
  return GROUPS.proven.some((one) => one === id) ? "proven" : "exclusive";
}

const ROUNDS = 26;
const STEPS_PER_ROUND = 7;
/** Most faults are short; some last for longer than a lease. */
const LONGEST_MS = 14_000;

/** The time between the two failures of an engine in a relapse: most hit what it does as it forms. */
const RELAPSE_MS = { most: 2_500, formed: 1_950, around: 250 };
const BLINK_MS = 40;

/**
 * Everything that happens in the run of a seed.
 * @param hasRelapses adds engines that fail again soon after they are back
 */
export function planOf(seed: number, hasRelapses = false): Action[] {
  const random = randomOf(seed);
  const plan: Action[] = [];
  // Clients that are there when the first fault comes.
  for (const id of IDS) plan.push({ do: "claim", id, at: below(random, NODES) });
  plan.push({ do: "wait", ms: 50 });
  for (let round = 0; round < ROUNDS; round++) {
    for (let step = 0; step < STEPS_PER_ROUND; step++) {
      plan.push(stepOf(random), { do: "wait", ms: below(random, 12) });
    }
    if (hasRelapses && random() < 0.4) plan.push(...relapseOf(random));
    else if (random() < 0.7) plan.push(faultOf(random));
    plan.push({ do: "wait", ms: Math.floor(random() ** 4 * LONGEST_MS) });
  }
  return plan;
}

function stepOf(random: () => number): Action {
  const [id, dice] = [pick(random, IDS), random()];
  const to = pick(random, GROUPS[groupOf(id)].filter((one) => one !== id));
  if (dice < 0.22) return { do: "claim", id, at: below(random, NODES) };
  if (dice < 0.52) return { do: "send", id, to };
  if (dice < 0.64) return { do: "pass", id, to };
  if (dice < 0.7) return { do: "describe", id };
  if (dice < 0.75) return { do: "leave", id };
  const group = groupOf(id);
  if (group === "exclusive") return { do: "pair", id, to };
  // A peer in a room is not taken over.
  return group === "plain" ? { do: "join", id } : { do: "claim", id, at: below(random, NODES) };
}

function faultOf(random: () => number): Fault {
  const [dice, at] = [random(), below(random, NODES)];
  const ms = Math.floor(random() ** 3 * LONGEST_MS) + 1;
  if (dice < 0.12) return { do: "break" };
  if (dice < 0.2) return { do: "copy" };
  if (dice < 0.4) {
    const keeps = pick(random, ["everything", "nothing", "copy"] as const);
    // An engine that is away for long is one more case, but not the most common one.
    return { do: "kill", keeps, ms: random() < 0.5 ? Math.ceil(ms / 20) : ms };
  }
  if (dice < 0.52) return { do: "freeze", ms };
  if (dice < 0.62) return { do: "refuse", why: pick(random, ["memory", "replica"] as const), ms };
  if (dice < 0.76) return { do: "cut", at, ms };
  if (dice < 0.9) return { do: "stop", at, ms };
  return { do: "crash", at, isNamedAlike: random() < 0.3 };
}

/** An engine fails twice, often after a node was given up by the others. */
function relapseOf(random: () => number): Action[] {
  const actions: Action[] = [];
  if (random() < 0.5) {
    const what = pick(random, ["cut", "stop"] as const);
    const ms = LONGEST_MS / 2 + below(random, LONGEST_MS / 2);
    actions.push({ do: what, at: below(random, NODES), ms });
    actions.push({ do: "wait", ms: ms - 500 + below(random, 1_000) });
  }
  actions.push(blinkOf(random));
  const { most, formed, around } = RELAPSE_MS;
  const isEarly = random() < 0.4;
  const gapMs = BLINK_MS + (isEarly ? below(random, most) : formed + below(random, around));
  const step = stepOf(random);
  const beforeMs = below(random, gapMs);
  actions.push({ do: "wait", ms: beforeMs }, step, { do: "wait", ms: gapMs - beforeMs });
  actions.push(blinkOf(random));
  return actions;
}

/** An engine that is back at once. */
function blinkOf(random: () => number): Fault {
  const keeps = pick(random, ["everything", "nothing", "copy"] as const);
  return { do: "kill", keeps, ms: 1 + below(random, BLINK_MS) };
}

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: () => number, from: readonly T[]): T {
  const one = from[below(random, from.length)];
  if (one === undefined) throw new RangeError("Cannot pick from nothing");
  return one;
}
