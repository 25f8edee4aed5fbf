/** A node as the engine knows it. */
export interface KnownNode {
  /** Its incarnation, which begins with the name of its process. */
  readonly id: string;
  readonly name: string;
  readonly sinceMs: number;
  readonly isAlive: boolean;
}

/** Reads the nodes in the answer to a call. */
export function nodesIn(text: string): KnownNode[] {
  return text.split(",").filter((word) => word !== "").map((words) => {
    const [id = "", name = "", since, isAlive] = words.split(" ");
    return { id, name, sinceMs: Number(since), isAlive: isAlive === "1" };
  });
}
