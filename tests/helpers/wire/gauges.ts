import { assertEquals } from "@std/assert";
import { until } from "./waiting.ts";

/** Reads one gauge of a server that shows its metrics at `/metrics`: the sum over its labels. */
export async function gaugeOf(url: string, name: string): Promise<number> {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  if (!text.includes(`# TYPE ${name} `)) throw new Error(`No metric "${name}" in:\n${text}`);
  const lines = text.split("\n").filter((line) => line.split(/[ {]/)[0] === name);
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** A server's state for its clients; all of it is released when they have gone. */
const OCCUPANCY = [
  "sockets",
  "connections",
  "peers",
  "rooms",
  "held_bytes",
  "media_sessions",
  "topics_active",
  "topics_subscriptions",
] as const;

/** Waits until nothing of any client is left, and fails naming what is. */
export async function assertEmpty(url: string): Promise<void> {
  let left: Record<string, number> = {};
  const isEmpty = async () => {
    left = {};
    for (const name of OCCUPANCY) {
      const value = await gaugeOf(url, `signalbox_${name}`);
      if (value !== 0) left[name] = value;
    }
    return Object.keys(left).length === 0;
  };
  await until("the server to be empty", isEmpty).catch(() => assertEquals(left, {}));
}

/** How many faults of its own a server has counted. */
export async function faultsOf(url: string): Promise<number> {
  const response = await fetch(`${url}/metrics`);
  return Number(/^signalbox_faults_total (\d+)$/m.exec(await response.text())?.[1] ?? 0);
}
