import { createHmac } from "node:crypto";

const DIGEST_LENGTH = 16;

/**
 * Digests of the settings that all nodes of a cluster share, by the name of their option.
 * @param key keeps others who read the engine from trying values, if it is a secret
 */
export function digestSettings(key: string, settings: ReadonlyMap<string, unknown>): string {
  return [...settings].map(([name, value]) => {
    const text = JSON.stringify([name, value ?? null]);
    const digest = createHmac("sha256", key).update(text).digest("hex");
    return `${name}=${digest.slice(0, DIGEST_LENGTH)}`;
  }).join(",");
}

/** The first option in which two nodes differ, as it is written in a command line. */
export function firstDifference(own: string, other: string): string {
  const theirs = new Map(other.split(",").map((one) => namedDigest(one)));
  const mine = own.split(",").map((one) => namedDigest(one));
  const [name = ""] = mine.find(([name, digest]) => (theirs.get(name) ?? digest) !== digest) ?? [];
  return `--${name}`;
}

function namedDigest(text: string): readonly [name: string, digest: string] {
  const [name = "", digest = ""] = text.split("=");
  return [name, digest];
}
