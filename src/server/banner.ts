import type { Server } from "./mod.ts";

/** The text for a person at a terminal after the start: the address of every dialect. */
export function bannerOf({ urls, reachable, storePlace, clusterWords }: Server): string {
  const data = storePlace === undefined ? [] : [`Keeping data in ${storePlace}`];
  const listening = urls.flatMap((url) => [`Listening on ${url}`, ...waysIn(url, reachable)]);
  const cluster = clusterWords === undefined ? [] : [clusterWords];
  return [...data, ...listening, ...cluster].join("\n");
}

function waysIn(url: string, reachable: Server["reachable"]): string[] {
  const host = url.replace("[::]", "localhost").replace("0.0.0.0", "localhost");
  return reachable.map(({ title, entrance: { path, scheme, hint } }) => {
    const base = scheme === "ws" ? host.replace(/^http/, "ws") : host;
    return `  ${title.padEnd(12)}${base}${path}  ${hint}`;
  });
}
