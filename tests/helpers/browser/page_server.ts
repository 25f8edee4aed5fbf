import type { Certificate } from "../process/certificate.ts";

/** Serves a few texts on loopback, where a page counts as a secure context and may use a camera. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

/** Takes path -> text, such as `{ "/": "<!doctype html>…", "/page.js": "…" }`. */
export async function startPageServer(
  texts: Record<string, string>,
  certificate?: Certificate,
): Promise<PageServer> {
  const files = new Map(Object.entries(texts));
  const tls = certificate === undefined ? {} : {
    cert: await Deno.readTextFile(certificate.certFile),
    key: await Deno.readTextFile(certificate.keyFile),
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls },
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
