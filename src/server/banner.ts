import type { Server } from "./mod.ts";

/** The text for a person at a terminal after the start: the address of every page and dialect. */
export function bannerOf(
  { urls, adminUrls, pages, operatorPages, reachable, storePlace, clusterWords }: Server,
): string {
  const data = storePlace === undefined ? [] : [`Keeping data in ${storePlace}`];
  const lines = urls.flatMap((url) => [
    `Listening on ${url}`,
    ...pageLines(url, pages),
    ...waysIn(url, reachable),
  ]);
  const operators = adminUrls.flatMap((url) => [
    `Serving operators on ${url}`,
    ...pageLines(url, operatorPages),
  ]);
  const cluster = clusterWords === undefined ? [] : [clusterWords];
  return [...data, ...lines, ...operators, ...cluster].join("\n");
}

function pageLines(url: string, pages: Server["pages"]): string[] {
  return pages.map(({ title, path }) => lineOf(title, `${reachedAt(url)}${path}`));
}

function waysIn(url: string, reachable: Server["reachable"]): string[] {
  const host = reachedAt(url);
  return reachable.map(({ title, entrance: { path, scheme, hint } }) => {
    const base = scheme === "ws" ? host.replace(/^http/, "ws") : host;
    return lineOf(title, `${base}${path}  ${hint}`);
  });
}

function lineOf(title: string, address: string): string {
  return `  ${title.padEnd(12)}${address}`;
}

/** The address at which this machine reaches a server that listens at all addresses. */
function reachedAt(url: string): string {
  return url.replace("[::]", "localhost").replace("0.0.0.0", "localhost");
}
