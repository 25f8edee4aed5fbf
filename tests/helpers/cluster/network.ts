import { spawnSync } from "node:child_process";

/** A network of a node's own, whose way to the engine can be cut without a word to either side. */
export interface NodeNetwork extends AsyncDisposable {
  /** Runs a program in it. */
  readonly runner: readonly string[];
  /** The addresses by which the node is reached, and by which it reaches the engine. */
  readonly nodeAddress: string;
  readonly engineAddress: string;
  cut(): void;
  heal(): void;
}

/** Why no network can be made here; undefined if one can. */
export function networkObjection(): string | undefined {
  if (Deno.build.os !== "linux") return "network namespaces are Linux's";
  const name = nameOf("probe");
  const made = ip("netns", "add", name);
  if (made !== undefined) return `no network namespaces: ${made}`;
  const linked = ip("link", "add", `${name}v`, "type", "veth", "peer", "name", `${name}w`);
  if (linked === undefined) ip("link", "del", `${name}v`);
  ip("netns", "del", name);
  return linked === undefined ? undefined : `no network devices: ${linked}`;
}

export function makeNetwork(): NodeNetwork {
  const name = nameOf("n");
  const net = `10.${200 + random(50)}.${random(250)}`;
  const [clients, engine, node] = [`${net}.1`, `${net}.2`, `${net}.3`];
  const inside = (...args: readonly string[]): void => must("-n", name, ...args);
  using undo = new DisposableStack();
  must("netns", "add", name);
  undo.defer(() => void ip("netns", "del", name));
  must("link", "add", `${name}v`, "type", "veth", "peer", "name", `${name}w`);
  undo.defer(() => void ip("link", "del", `${name}v`));
  must("link", "set", `${name}w`, "netns", name);
  must("addr", "add", `${clients}/24`, "dev", `${name}v`);
  must("addr", "add", `${engine}/24`, "dev", `${name}v`);
  must("link", "set", `${name}v`, "up");
  inside("addr", "add", `${node}/24`, "dev", `${name}w`);
  inside("link", "set", `${name}w`, "up");
  inside("link", "set", "lo", "up");
  const parts = undo.move();
  return {
    runner: ["ip", "netns", "exec", name],
    nodeAddress: node,
    engineAddress: engine,
    cut: () => inside("route", "add", "blackhole", `${engine}/32`),
    heal: () => inside("route", "del", "blackhole", `${engine}/32`),
    [Symbol.asyncDispose]: () => Promise.resolve(parts.dispose()),
  };
}

function nameOf(kind: string): string {
  return `sb${kind}${random(1_000_000)}`;
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

/** Runs the tool, and returns the reason of its failure. */
function ip(...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync("ip", [...args]);
  if (status === 0) return undefined;
  return error?.message ?? String(stderr).trim();
}

function must(...args: readonly string[]): void {
  const reason = ip(...args);
  if (reason !== undefined) throw new Error(`Cannot run ip ${args.join(" ")}: ${reason}`);
}
