import { plain } from "../http/answers.ts";
import { TRY_PATH } from "../http/landing.ts";
import { pageRoute } from "../http/page_route.ts";
import type { Entrance, HttpRoute } from "../http/route.ts";
import connections from "./connections.js" with { type: "text" };
import gstreamer from "./clients/gstreamer.js" with { type: "text" };
import peerjs from "./clients/peerjs.js" with { type: "text" };
import rtcpool from "./clients/rtcpool.js" with { type: "text" };
import simple from "./clients/simple.js" with { type: "text" };
import webrtcsink from "./clients/webrtcsink.js" with { type: "text" };
import yjs from "./clients/yjs.js" with { type: "text" };
import page from "./page.html" with { type: "text" };
import script from "./page.js" with { type: "text" };
import style from "./page.css" with { type: "text" };
import picture from "./picture.js" with { type: "text" };
import wire from "./wire.js" with { type: "text" };

/** A protocol that the page can speak: the adapter `clients/<name>.js` starts its real client. */
interface Adapter {
  readonly dialect: string;
  readonly name: string;
  readonly title: string;
}

/** In the order of the page's menu. OWT is missing, because its SDK is not on npm. */
const ADAPTERS: readonly Adapter[] = [
  { dialect: "simple", name: "simple", title: "Simple Signalling" },
  { dialect: "peerjs", name: "peerjs", title: "PeerJS" },
  { dialect: "ssp", name: "rtcpool", title: "RTCPool (ssp)" },
  { dialect: "webrtcsink", name: "webrtcsink", title: "gstwebrtc-api (webrtcsink)" },
  { dialect: "gstreamer", name: "gstreamer", title: "GStreamer text protocol" },
  { dialect: "topics", name: "yjs", title: "Yjs: a shared text" },
];

const SCRIPTS: Readonly<Record<string, string>> = {
  "page.js": script,
  "connections.js": connections,
  "picture.js": picture,
  "wire.js": wire,
  "clients/gstreamer.js": gstreamer,
  "clients/peerjs.js": peerjs,
  "clients/rtcpool.js": rtcpool,
  "clients/simple.js": simple,
  "clients/webrtcsink.js": webrtcsink,
  "clients/yjs.js": yjs,
};

/** Nothing of the page comes from another host, and no other site may frame it. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; " +
    "media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
};

/** A dialect that the server speaks, and where. */
export interface Spoken {
  readonly name: string;
  readonly entrances: readonly Entrance[];
}

/** The page that makes a first call, with each client as its users have it, and its files. */
export function tryRoutes(spoken: readonly Spoken[]): HttpRoute[] {
  const protocols = JSON.stringify({ protocols: offersOf(spoken) });
  return [
    pageRoute(TRY_PATH, () => answer("text/html", page)),
    file("/page.css", "text/css", style),
    file("/protocols.json", "application/json", protocols),
    ...Object.entries(SCRIPTS).map(([name, text]) => file(`/${name}`, "text/javascript", text)),
    ...["peerjs", "rtcpool", "gstwebrtc-api"].map(library),
    route("/clients/lib/yjs/*", (_, { url }) => moduleOfYjs(url.pathname)),
  ];
}

function offersOf(spoken: readonly Spoken[]): object[] {
  const paths = new Map(spoken.map(({ name, entrances }) => [name, entrances[0]?.path]));
  return ADAPTERS.map(({ dialect, name, title }) => ({ name, title, path: paths.get(dialect) }))
    .filter(({ path }) => path !== undefined);
}

function file(path: string, type: string, text: string): HttpRoute {
  return route(path, () => answer(type, text));
}

/** A client from npm: read when it is asked for first, so that no start waits for it. */
function library(name: string): HttpRoute {
  return route(`/clients/lib/${name}.js`, async () => {
    const { LIBRARIES } = await import("./libraries.ts");
    return answer("text/javascript", LIBRARIES[name] ?? "");
  });
}

/** A module of Yjs; it has some thirty. */
async function moduleOfYjs(pathname: string): Promise<Response> {
  const { YJS } = await import("./yjs.ts");
  const text = YJS.get(pathname.split("/").at(-1) ?? "");
  return text === undefined ? plain(404, "Not found") : answer("text/javascript", text);
}

function route(path: string, handle: HttpRoute["handle"]): HttpRoute {
  return { kind: "http", method: "GET", path: TRY_PATH + path, access: "open", handle };
}

function answer(type: string, text: string): Response {
  return new Response(text, { headers: { ...HEADERS, "content-type": `${type}; charset=utf-8` } });
}
