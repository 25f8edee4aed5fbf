import { accepts } from "@std/http/negotiation";
import type { Entrance } from "../dialects/dialect.ts";

/** A dialect and where it is reached. */
export interface Reachable {
  readonly title: string;
  readonly entrance: Entrance;
}

/** Longest `Accept` that is weighed: a browser's has some 150 characters, and weighing takes time. */
const MAX_ACCEPT = 1_024;

/** Whether a client prefers HTML; one that takes anything is no browser looking at a page. */
export function wantsHtml(request: Request): boolean {
  if ((request.headers.get("accept")?.length ?? 0) > MAX_ACCEPT) return false;
  return accepts(request, "application/json", "text/html") === "text/html";
}

/** The page at `/`: made once, of nothing that a client sent. */
export function landingPage(version: string, reachable: readonly Reachable[]): string {
  const rows = reachable.map(({ title, entrance }) =>
    `<tr><th>${escape(title)}</th><td><code>${escape(entrance.scheme)}(s)://…${
      escape(entrance.path)
    }</code></td><td><code>${escape(entrance.hint)}</code></td></tr>`
  ).join("\n      ");
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>signalbox</title>
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 3rem auto; padding: 0 1rem; }
      th, td { text-align: left; padding: 0.3rem 1rem 0.3rem 0; vertical-align: top; }
      code { overflow-wrap: anywhere; }
    </style>
  </head>
  <body>
    <h1>signalbox</h1>
    <p>This is a WebRTC signalling server: it lets browsers and applications find each other
      and set up calls. It speaks several protocols at once, each to the clients made for it.</p>
    <table>
      ${rows}
    </table>
    <p>How to point a client here is in the
      <a href="${DOCS_PATH}">documentation</a>. Version ${escape(version)}.</p>
  </body>
</html>
`;
}

/** Where the README is served: always that of the version at work. */
export const DOCS_PATH = "/docs";

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
