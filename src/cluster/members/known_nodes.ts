/** A node as the engine knows it. */
export interface KnownNode {
  /** Its incarnation, which begins with the name of its process. */
  readonly id: string;
  readonly name: string;
  readonly sinceMs: number;
  readonly isAlive: boolean;
}

/** Reads the nodes in the answers of the engine, which seldom change. */
export class KnownNodes {
  #text = "";
  #nodes: readonly KnownNode[] = [];

  /** Returns the same list as before where nothing has changed. */
  read(text: string): readonly KnownNode[] {
    if (text === this.#text) return this.#nodes;
    this.#text = text;
    this.#nodes = text.split(",").filter((word) => word !== "").map((words) => {
      const [id = "", name = "", since, isAlive] = words.split(" ");
      return { id, name, sinceMs: Number(since), isAlive: isAlive === "1" };
    });
    return this.#nodes;
  }
}
