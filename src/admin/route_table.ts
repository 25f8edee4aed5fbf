import { innerSegment, readSegment } from "./path_name.ts";
import type { Reach } from "./reach.ts";

/** A route that a request's path leads to. */
export interface FoundRoute {
  readonly role: string;
  readonly action: string | undefined;
  readonly reach: Reach | undefined;
  /** The names in the path. */
  readonly subject: readonly string[];
  /** The path with these names as the framework takes them. */
  readonly innerPath: string;
}

interface RouteEntry {
  readonly method: string;
  readonly template: string;
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

/** A name's place in the path of a definition. */
const VARIABLE = /\{\w+\}/g;

/** Finds out before a request is carried out which route it asks for. */
export class RouteTable {
  readonly #entries: readonly RouteEntry[];

  constructor(definitions: readonly Definition[]) {
    this.#entries = definitions.flatMap(({ route }) => {
      if (route === undefined) return [];
      const { method, path, "x-role": role = "full", "x-action": action } = route;
      const reach = route["x-reach"];
      const source = path.replaceAll(".", "\\.").replace(VARIABLE, "([^/]+)");
      const pattern = new RegExp(`^${source}$`);
      return [{ method: method.toUpperCase(), template: path, pattern, role, action, reach }];
    });
  }

  /** Throws for a name that cannot be read. */
  find(method: string, path: string): FoundRoute | undefined {
    const asked = method === "HEAD" ? "GET" : method;
    for (const { method, template, pattern, role, action, reach } of this.#entries) {
      const match = method === asked ? pattern.exec(path) : null;
      if (match === null) continue;
      const subject = match.slice(1).map(readSegment);
      const names = subject.values();
      const innerPath = template.replace(VARIABLE, () => innerSegment(names.next().value ?? ""));
      return { role, action, reach, subject, innerPath };
    }
    return undefined;
  }

  /** The methods that a path knows. */
  methodsAt(path: string): string[] {
    return this.#entries.filter(({ pattern }) => pattern.test(path))
      .flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method]);
  }
}
