import { accepts } from "@std/http/negotiation";
import { type Bridge, bridgedSection } from "./bridged.ts";
import { escape } from "./html.ts";
import type { Entrance, HttpRoute } from "./route.ts";

/** A dialect and one way to reach it. */
export interface Reachable {
  readonly title: string;
  readonly entrance: Entrance;
}

/** Longest `Accept` that is weighed: a browser's has some 150 characters, and weighing takes time. */
const MAX_ACCEPT = 1_024;

/** Where the documentation of the running version is served. */
export const DOCS_PATH = "/docs";

/** The page about calls between protocols. */
export const BRIDGING_PATH = `${DOCS_PATH}/src/dialects/BRIDGING.md`;

/** The page that makes a first call; its files are below it. */
export const TRY_PATH = "/try";

/** Serves the page at `/` to browsers; PeerJS clients expect a JSON document there. */
export function landingRoute(page: string): HttpRoute {
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  };
  return {
    kind: "http",
    method: "GET",
    path: "/",
    access: "open",
    prefers: "text/html",
    handle: () => new Response(page, { headers }),
  };
}

/** True if a client prefers HTML; a client that takes anything is no browser that shows a page. */
export function wantsHtml(request: Request): boolean {
  if ((request.headers.get("accept")?.length ?? 0) > MAX_ACCEPT) return false;
  return accepts(request, "application/json", "text/html") === "text/html";
}

/** The page's content, none of which a client sent. */
export interface LandingOptions {
  readonly version: string;
  readonly reachable: readonly Reachable[];
  /** The beginning of every path of the server; mostly empty. */
  readonly basePath: string;
  /** False if the page that makes a first call is not served. */
  readonly hasTry: boolean;
  /** The protocols whose clients reach each other. */
  readonly bridge?: Bridge;
}

/** Makes the page at `/`, once. */
export function landingPage(options: LandingOptions): string {
  const { version, reachable, basePath, hasTry, bridge = { dialects: [] } } = options;
  const bridged = bridgedSection(bridge, `${basePath}${BRIDGING_PATH}`);
  const trial = hasTry
    ? `<p class="first"><a href="${escape(basePath)}${TRY_PATH}">Make a call now</a>
      in two tabs of this browser, with the protocol of your choice.</p>`
    : "";
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
      td:nth-child(2) code { white-space: nowrap; }
      .first { font-size: 1.2rem; }
    </style>
  </head>
  <body>
    <h1>signalbox</h1>
    ${trial}
    <p>This is a WebRTC signalling server: it lets browsers and applications find each other
      and set up calls. It speaks several protocols at once, each to the clients made for it.</p>
    <table>
      ${rows}
    </table>
    ${bridged}
    <p>How to point a client here is in the
      <a href="${escape(basePath)}${DOCS_PATH}">documentation</a>. Version ${escape(version)}.</p>
  </body>
</html>
`;
}
