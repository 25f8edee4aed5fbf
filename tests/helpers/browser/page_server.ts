import type { Certificate } from "../process/certificate.ts";

/** Serves a few texts on loopback, where a page counts as a secure context and may use a camera. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Takes path -> text, such as `{ "/": "<!doctype html>…", "/page.js": "…" }`.
 * @param hostname 0.0.0.0 gives pages at 127.0.0.1 and 127.0.0.2 different origins
 */
export async function startPageServer(
  texts: Record<string, string>,
  certificate?: Certificate,
  hostname = "127.0.0.1",
): Promise<PageServer> {
  const files = new Map(Object.entries(texts));
  const tls = certificate === undefined ? {} : {
    cert: await Deno.readTextFile(certificate.certFile),
    key: await Deno.readTextFile(certificate.keyFile),
  };
  const server = Deno.serve(
    { hostname, port: 0, onListen: () => {}, ...tls },
    (request) => {
      const { pathname } = new URL(request.url);
      const text = files.get(pathname);
      if (text === undefined) return new Response("Not found", { status: 404 });
      const type = pathname.endsWith(".js") ? "text/javascript" : "text/html";
      return new Response(text, { headers: { "content-type": `${type}; charset=utf-8` } });
    },
  );
  const scheme = certificate === undefined ? "http" : "https";
  return {
    url: `${scheme}://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
