import { type Proxy, type ProxyPlaces, runProxy } from "../process/proxies.ts";
import { readmeSnippet } from "../process/readme.ts";

/** A load balancer of whose configuration the cluster page has an example. */
export type BalancerName = "caddy" | "haproxy" | "nginx";

export const BALANCERS: readonly BalancerName[] = ["caddy", "haproxy", "nginx"];

const PAGE = "src/cluster/README.md";

interface Kind {
  /** The name of the example on the page. */
  readonly snippet: string;
  /** The address at which the example listens. */
  readonly listens: RegExp;
  readonly address: (port: number) => string;
  /** Everything that a whole configuration has beside the example. */
  readonly whole: (example: string, places: ProxyPlaces) => string;
}

const KINDS: Readonly<Record<BalancerName, Kind>> = {
  caddy: {
    snippet: "cluster-caddy",
    listens: /^signal\.example\.org/m,
    address: (port) => `http://127.0.0.1:${port}`,
    whole: (example, { admin }) => `{\n  admin 127.0.0.1:${admin}\n  auto_https off\n}\n${example}`,
  },
  haproxy: {
    snippet: "cluster-haproxy",
    listens: /(?<=bind ):80$/m,
    address: (port) => `127.0.0.1:${port}`,
    whole: (example) => example,
  },
  nginx: {
    snippet: "cluster-nginx",
    listens: /(?<=listen )80(?=;)/,
    address: (port) => `127.0.0.1:${port}`,
    whole: (example, { folder }) =>
      [
        "daemon off;",
        `pid ${folder}/nginx.pid;`,
        "error_log stderr;",
        "events {}",
        "http {",
        "access_log off;",
        ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) =>
          `${kind}_temp_path ${folder}/${kind};`
        ),
        example,
        "}",
      ].join("\n"),
  },
};

/** Starts a load balancer as the cluster page configures it, before the nodes called a and b. */
export async function startBalancer(
  name: BalancerName,
  nodes: readonly { readonly url: string }[],
): Promise<Proxy> {
  const { snippet, listens, address, whole } = KINDS[name];
  const page = await readmeSnippet(PAGE, snippet);
  if (!listens.test(page)) throw new Error(`The example for ${name} listens elsewhere`);
  const example = page.replace(/10\.0\.0\.([12]):8080/g, (_, digit) => {
    return new URL(nodes[Number(digit) - 1]?.url ?? "").host;
  });
  return await runProxy(
    name,
    (places) => whole(example.replace(listens, address(places.port)), places),
  );
}
