import type { Fleet } from "../admin/fleet.ts";
import type { Clock } from "../core/clock.ts";
import type { OpenDialect } from "../dialects/dialect.ts";
import type { Log } from "../observe/log.ts";

/** Hands items of a dialect to another node; resolves with those that no node has taken. */
export type HandOver = (dialect: string, items: readonly unknown[]) => Promise<unknown[]>;

const TOPIC = "adopt";
/** Characters of the items of one question. */
const MOST_AT_ONCE = 500_000;
/** A part of the time for sealing, which follows. */
const TIME_MS = 4_000;

/** Takes over what nodes held that end, unless this one ends, too. */
export function answerHandOvers(
  fleet: Fleet | undefined,
  dialects: readonly {
    readonly name: string;
    readonly dialect: Pick<OpenDialect, "adopt">;
  }[],
  isLeaving: () => boolean,
): void {
  fleet?.answer(TOPIC, (question) => {
    const { dialect: name, items } = Object(question);
    const dialect = dialects.find((one) => one.name === name)?.dialect;
    const isTaken = Array.isArray(items) && dialect?.adopt !== undefined && !isLeaving();
    if (isTaken) dialect.adopt(items);
    return Promise.resolve(isTaken);
  });
}

/** The way to the other nodes for what this one still holds at its end; undefined without a cluster. */
export function handOverTo(
  fleet: Fleet | undefined,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): HandOver | undefined {
  if (fleet === undefined) return undefined;
  return async (dialect, items) => {
    const until = clock.now() + TIME_MS;
    // In a rolling restart the newest node is the last one to end.
    const others = [...fleet.nodes()].filter(({ name }) => name !== fleet.node)
      .sort((a, b) => b.sinceMs - a.sinceMs);
    const left: unknown[] = [];
    for (const part of partsOf(items)) {
      while (others[0] !== undefined) {
        const question = { dialect, items: part };
        const leftMs = until - clock.now();
        // A node that hangs leaves time for the next one.
        const limitMs = others.length === 1 ? leftMs : leftMs / 2;
        if (leftMs > 0 && await fleet.ask(others[0].name, TOPIC, question, limitMs) === true) break;
        others.shift();
      }
      if (others[0] === undefined) left.push(...part);
    }
    const handed = items.length - left.length;
    if (handed > 0) log.write("info", "handed over to another node", { dialect, items: handed });
    return left;
  };
}

/** Items in parts that fit into one question each, as far as an item alone does. */
function partsOf(items: readonly unknown[]): unknown[][] {
  const parts: unknown[][] = [];
  let length = Infinity;
  for (const item of items) {
    const added = JSON.stringify(item).length;
    if (length + added > MOST_AT_ONCE) {
      parts.push([]);
      length = 0;
    }
    length += added;
    parts.at(-1)?.push(item);
  }
  return parts;
}
