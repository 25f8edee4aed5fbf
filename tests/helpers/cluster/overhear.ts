import type { MemoryCluster } from "./memory_cluster.ts";

/** Everything that the engine of a cluster can read from now on; the list grows. */
export function overhear({ engine }: MemoryCluster): string[] {
  const texts: string[] = [];
  const execute = engine.execute.bind(engine);
  engine.execute = (args) => {
    texts.push(...args);
    return execute(args);
  };
  return texts;
}
