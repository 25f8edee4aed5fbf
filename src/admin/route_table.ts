import type { Reach } from "./reach.ts";

/** A route that a request's path leads to. */
export interface FoundRoute {
  readonly role: string;
  readonly action: string | undefined;
  readonly reach: Reach | undefined;
  /** The variable segments of the path, decoded. */
  readonly subject: readonly string[];
}

interface Entry {
  readonly method: string;
  readonly pattern: RegExp;
  readonly role: string;
  readonly action: string | undefined;
  readonly reach: Reach | undefined;
}

/** A definition of the registry that the document is made from. */
interface Definition {
  readonly type: string;
  readonly route?: {
    readonly method: string;
    readonly path: string;
    readonly "x-role"?: string;
    readonly "x-action"?: string;
    readonly "x-reach"?: Reach;
  };
}

/** Finds out before a request is carried out which route it asks for. */
export class RouteTable {
  readonly #entries: readonly Entry[];

  constructor(definitions: readonly Definition[]) {
    this.#entries = definitions.flatMap(({ route }) => {
      if (route === undefined) return [];
      const { method, path, "x-role": role = "full", "x-action": action } = route;
      const reach = route["x-reach"];
      const source = path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "([^/]+)");
      const pattern = new RegExp(`^${source}$`);
      return [{ method: method.toUpperCase(), pattern, role, action, reach }];
    });
  }

  find(method: string, path: string): FoundRoute | undefined {
    const asked = method === "HEAD" ? "GET" : method;
    for (const { method, pattern, role, action, reach } of this.#entries) {
      const match = method === asked ? pattern.exec(path) : null;
      if (match !== null) {
        return { role, action, reach, subject: match.slice(1).map(decodeURIComponent) };
      }
    }
    return undefined;
  }

  /** The methods that a path knows. */
  methodsAt(path: string): string[] {
    return this.#entries.filter(({ pattern }) => pattern.test(path))
      .flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method]);
  }
}
