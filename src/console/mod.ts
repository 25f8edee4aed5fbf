import { pageRoute } from "../http/page_route.ts";
import type { HttpRoute } from "../http/route.ts";
import acts from "./acts.js" with { type: "text" };
import api from "./api.js" with { type: "text" };
import charts from "./charts.js" with { type: "text" };
import console from "./console.js" with { type: "text" };
import events from "./events.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import history from "./history.js" with { type: "text" };
import page from "./page.html" with { type: "text" };
import panel from "./panel.js" with { type: "text" };
import signIn from "./sign_in.js" with { type: "text" };
import style from "./console.css" with { type: "text" };
import summary from "./summary.js" with { type: "text" };
import tables from "./tables.js" with { type: "text" };
import tabs from "./tabs.js" with { type: "text" };
import view from "./view.js" with { type: "text" };

/** The page for operators; its files are below it. */
export const CONSOLE_PATH = "/console";

const SCRIPTS: Readonly<Record<string, string>> = {
  "acts.js": acts,
  "api.js": api,
  "charts.js": charts,
  "console.js": console,
  "events.js": events,
  "format.js": format,
  "history.js": history,
  "panel.js": panel,
  "sign_in.js": signIn,
  "summary.js": summary,
  "tables.js": tables,
  "tabs.js": tabs,
  "view.js": view,
};

/** Names of the libraries' files, which are read when they are asked for first. */
const LIBRARY_FILES = ["preact.js", "hooks.js", "htm.js", "uplot.js", "uplot.css"] as const;

/** Nothing of the page comes from another host, nothing of it is inline, and no site may frame it. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The console and its files. Loading them needs no token; everything that they show does. */
export function consoleRoutes(): HttpRoute[] {
  return [
    pageRoute(CONSOLE_PATH, () => answer("text/html", page)),
    file("/console.css", "text/css", style),
    ...Object.entries(SCRIPTS).map(([name, text]) => file(`/${name}`, "text/javascript", text)),
    ...LIBRARY_FILES.map(library),
  ];
}

function file(path: string, type: string, text: string): HttpRoute {
  return route(path, () => answer(type, text));
}

function library(name: typeof LIBRARY_FILES[number]): HttpRoute {
  return route(`/lib/${name}`, async () => {
    const { LIBRARIES } = await import("./libraries.ts");
    return answer(name.endsWith(".css") ? "text/css" : "text/javascript", LIBRARIES[name]);
  });
}

function route(path: string, handle: () => Response | Promise<Response>): HttpRoute {
  return { kind: "http", method: "GET", path: CONSOLE_PATH + path, access: "open", handle };
}

function answer(type: string, text: string): Response {
  return new Response(text, { headers: { ...HEADERS, "content-type": `${type}; charset=utf-8` } });
}
