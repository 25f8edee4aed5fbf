import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { type Endpoint, Signpost } from "../observe/signpost.ts";
import type { Entrance, Route } from "../http/route.ts";
import { basePathOf } from "./dialects.ts";
import type { Observation } from "./observation.ts";

/** The parts of an open dialect that lead clients to it. */
export interface Reached {
  readonly name: string;
  readonly title: string;
  readonly dialect: { readonly routes: readonly Route[]; readonly entrances: readonly Entrance[] };
}

/** Makes the hints for clients that are slightly wrong. */
export function signpostOf(
  config: Config,
  dialects: readonly Reached[],
  { clock, observation: { log, metrics } }: {
    readonly clock: Clock;
    readonly observation: Pick<Observation, "log" | "metrics">;
  },
): Signpost {
  const places = placesOf(dialects, basePathOf(config));
  return new Signpost({
    ...{ log, metrics, clock, places },
    maxAddresses: config.limits.maxHintedAddresses,
  });
}

/** Lists where each dialect is reached, for hints to clients at a wrong path. */
export function placesOf(dialects: readonly Reached[], basePath: string): Endpoint[] {
  return dialects.flatMap(({ name, title, dialect: { routes, entrances } }) => {
    const [first] = entrances;
    if (first === undefined) return [];
    const tails = routes.map(({ path }) => path.split("/").at(-1) ?? "");
    const known = new Set(tails.filter((tail) => tail !== "" && tail !== "*"));
    return [{ name, title, path: `${basePath}${first.path}`, tails: known }];
  });
}
