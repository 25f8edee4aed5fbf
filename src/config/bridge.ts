import * as z from "zod";
import { DIALECTS } from "../dialects/mod.ts";
import { limit, whole } from "../dialects/kit/options.ts";

const group = "Bridging";
/** Limits, for `--help all`. */
const rare = { group, isRare: true } as const;
const bridgeable = DIALECTS.filter(({ bridging }) => bridging !== undefined).map(({ name }) =>
  name
);
const words = `expected all, or two or more of ${bridgeable.join(", ")}`;

/** Options of the calls between clients of different protocols. */
export const bridgeOptions = {
  bridge: z.array(z.string()).default([]).refine(isBridge, words).meta({
    description: "Protocols whose clients meet and call each other: all, or two or more names",
    group,
  }),
  bridgeLobby: z.string().min(1).optional().meta({
    description: "Room whose members see the bridged peers that are in no room",
    group,
  }),
  bridgeAnswerTimeoutMs: whole(
    120_000,
    "Time that a bridged call may stay unanswered, in ms",
    rare,
  ),
  bridgeMaxCalls: whole(64, "Bridged calls of one peer", rare),
  bridgeMaxCallsTotal: limit(20_000, "Bridged calls in total", rare),
  bridgeMaxDescriptionLength: whole(
    131_072,
    "Longest SDP of a bridged call, in UTF-16 units",
    rare,
  ),
  bridgeMaxHeldCandidates: whole(128, "Candidates of a bridged call that wait for their SDP", rare),
  bridgeMaxHeldLength: whole(65_536, "Length of these in total, in UTF-16 units", rare),
} as const;

function isBridge(names: readonly string[]): boolean {
  if (names.includes("all")) return names.length === 1;
  return names.every((name) => bridgeable.includes(name)) && new Set(names).size !== 1;
}
