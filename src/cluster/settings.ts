import { createHash } from "node:crypto";

const DIGEST_LENGTH = 16;

/** Digests of the settings that all nodes of a cluster share, by the name of their option. */
export function digestSettings(
  cluster: string,
  settings: ReadonlyMap<string, unknown>,
): string {
  return [...settings].map(([name, value]) => {
    const text = JSON.stringify([cluster, name, value ?? null]);
    return `${name}=${createHash("sha256").update(text).digest("hex").slice(0, DIGEST_LENGTH)}`;
  }).join(",");
}

/** The first option in which two nodes differ, as it is written in a command line. */
export function firstDifference(own: string, other: string): string {
  const theirs = new Set(other.split(","));
  const [first = ""] = own.split(",").filter((one) => !theirs.has(one));
  return `--${first.split("=")[0]}`;
}
