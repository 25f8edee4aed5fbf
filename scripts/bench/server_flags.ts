import { SCENARIOS } from "./scenarios.ts";

/** Flags of topics, which have no scenario among the pairs. */
const TOPICS_FLAGS = [
  "--topics-frames-per-second=100000000",
  "--topics-bytes-per-second=100000000000",
];

/**
 * Lifts every limit that a load of these dialects would hit. Rates stay finite, because checking
 * them is part of the cost. Other dialects' flags are left out: an older checkout may lack them.
 */
export function serverFlags(dialects: readonly string[]): string[] {
  return [
    "--listen=http://127.0.0.1:0",
    "--limits-max-connections-per-address=unlimited",
    "--limits-connections-per-second=unlimited",
    "--limits-max-room-members=10000",
    ...dialects.flatMap(dialectFlags),
  ];
}

function dialectFlags(dialect: string): readonly string[] {
  if (dialect === "topics") return TOPICS_FLAGS;
  const scenario = SCENARIOS.find((one) => one.dialect === dialect);
  if (scenario === undefined) throw new RangeError(`Unknown dialect "${dialect}"`);
  return [
    `--${dialect}-frames-per-second=100000000`,
    `--${dialect}-bytes-per-second=100000000000`,
    ...scenario.serverFlags,
  ];
}
