import { type ServerProcess, startServerProcess } from "../process/server_process.ts";
import { type RedisServer, startRedis } from "./redis_server.ts";

/** Servers that share an engine. */
export interface Nodes extends AsyncDisposable {
  readonly nodes: readonly ServerProcess[];
  /** Where a node's WebSockets are. */
  wsUrl(index: number): string;
  /** One more node, which reaches the engine at another URL where one is given. */
  add(engineUrl?: string): Promise<ServerProcess>;
}

/** A real engine, and servers that share it. */
export interface NodeProcesses extends Nodes {
  readonly engine: RedisServer;
}

/** A loaded machine may be slow: no node is taken for dead, and no step is refused, because of it. */
export const PATIENT = ["--cluster-lease-ms", "10000", "--cluster-wait-ms", "120000"] as const;

/** Starts an engine, and nodes called a, b, c … that serve these dialects. */
export async function startNodes(
  count: number,
  dialects: readonly string[],
  args: readonly string[] = [],
): Promise<NodeProcesses> {
  await using undo = new AsyncDisposableStack();
  const engine = undo.use(await startRedis());
  const nodes = undo.use(await startNodesAt(engine.url, count, dialects, args));
  const parts = undo.move();
  return { ...nodes, engine, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Starts nodes at an engine that the test has. */
export async function startNodesAt(
  url: string,
  count: number,
  dialects: readonly string[],
  args: readonly string[] = [],
): Promise<Nodes> {
  await using undo = new AsyncDisposableStack();
  const nodes: ServerProcess[] = [];
  undo.defer(async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  });
  const add = async (engineUrl = url): Promise<ServerProcess> => {
    const node = await startServerProcess([
      "--cluster",
      engineUrl,
      "--cluster-node",
      String.fromCharCode("a".charCodeAt(0) + nodes.length),
      ...PATIENT,
      ...dialects.flatMap((name) => ["--dialects", name]),
      ...args,
    ]);
    nodes.push(node);
    return node;
  };
  for (let index = 0; index < count; index++) await add();
  const parts = undo.move();
  return {
    nodes,
    wsUrl(index): string {
      const node = nodes[index];
      if (node === undefined) throw new RangeError(`Cannot use node ${index}: there is none`);
      return node.url.replace(/^http/, "ws");
    },
    add,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** True once a node has noticed an engine's end. Until then it may send a step in vain. */
export function noticesLoss(node: ServerProcess | undefined): boolean {
  return node?.stderr().includes("cluster not reached") === true;
}

/** True once a node has missed its engine for so long that it is not ready. */
export async function missesEngine(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`);
  return (await response.text()).startsWith("not ready: the cluster");
}
