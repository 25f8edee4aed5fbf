import type { Caller } from "./caller.ts";
import { ItemHandler, type ItemParts } from "../items/items.ts";
import type { Outcomes } from "./outcomes.ts";
import { Reader, type ReaderOptions } from "../items/reader.ts";
import type { Roster } from "../members/roster.ts";
import type { Steps } from "./steps.ts";

type OfReader = Pick<ReaderOptions, "engine" | "clock" | "prefix">;
type OfItems = Omit<
  ItemParts,
  "isCalling" | "isOwn" | "nodeOf" | "nameOf" | "answered"
>;

interface IntakeParts extends OfReader, OfItems {
  /** This process, whose name every ticket of its own begins with. */
  readonly process: string;
  readonly caller: Pick<Caller, "run" | "mayAct" | "check" | "isCalling">;
  readonly roster: Pick<Roster, "of" | "nameOf" | "hasGone" | "reaped" | "settled">;
  readonly steps: Pick<Steps, "answered">;
  readonly outcomes: Pick<Outcomes, "answered">;
}

/** The way from a node's inbox to those whom its items concern. */
export function openIntake(
  parts: IntakeParts,
): { readonly items: ItemHandler; readonly reader: Reader } {
  const { process, caller, roster, steps, outcomes } = parts;
  const items = new ItemHandler({
    ...parts,
    isCalling: (key) => caller.isCalling(key),
    isOwn: (ticket) => ticket.startsWith(`${process}-`),
    nodeOf: (process) => roster.of(process),
    nameOf: (node) => roster.nameOf(node),
    answered: (ticket, refusal) => outcomes.answered(steps.answered(ticket), refusal),
  });
  const reader = new Reader({
    ...parts,
    run: () => caller.run,
    mayAct: () => caller.mayAct(),
    handle: (item) => items.handle(item),
    failed: () => caller.check(),
  });
  return { items, reader };
}
