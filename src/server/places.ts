import type { Place } from "../observe/signpost.ts";
import type { Entrance, Route } from "../http/route.ts";

/** The parts of an open dialect that lead clients to it. */
export interface Reached {
  readonly name: string;
  readonly title: string;
  readonly dialect: { readonly routes: readonly Route[]; readonly entrances: readonly Entrance[] };
}

/** Lists where each dialect is reached, for hints to clients at a wrong path. */
export function placesOf(dialects: readonly Reached[], basePath: string): Place[] {
  return dialects.flatMap(({ name, title, dialect: { routes, entrances } }) => {
    const [first] = entrances;
    if (first === undefined) return [];
    const tails = routes.map(({ path }) => path.split("/").at(-1) ?? "");
    const known = new Set(tails.filter((tail) => tail !== "" && tail !== "*"));
    return [{ name, title, path: `${basePath}${first.path}`, tails: known }];
  });
}
