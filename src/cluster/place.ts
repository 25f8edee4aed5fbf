/** The engine's address, from `--cluster` and the options beside it. */
export interface Place {
  /** Without a user or a password, for people. */
  readonly shown: string;
  readonly isSecure: boolean;
  /** A path of a unix socket, or host and port. */
  readonly at: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

const DEFAULT_PORT = 6_379;
const EXPECTED = "expected redis://HOST, rediss://HOST or redis+unix:///PATH";

/** Reads an engine's URL. Throws RangeError with words for people, which repeat no password. */
export function readPlace(text: string, passwordBeside?: string): Place {
  if (!URL.canParse(text)) throw new RangeError(EXPECTED);
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1).replace(/^valkey/, "redis");
  const fromUrl = url.password === "" ? undefined : decodeURIComponent(url.password);
  if (fromUrl !== undefined && passwordBeside !== undefined) {
    throw new RangeError("the password is given twice, in the URL and by --cluster-password");
  }
  const password = fromUrl ?? passwordBeside;
  const name = url.username === "" ? undefined : decodeURIComponent(url.username);
  if (url.hash !== "") throw new RangeError(EXPECTED);
  switch (scheme) {
    case "redis":
    case "rediss": {
      if (url.hostname === "" || url.search !== "") throw new RangeError(EXPECTED);
      const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
      const database = readDatabase(url.pathname.slice(1));
      const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
      const shown = `${url.protocol}//${url.hostname}:${port}${
        database === 0 ? "" : `/${database}`
      }`;
      return {
        shown,
        isSecure: scheme === "rediss",
        at: { host, port },
        user: name,
        password,
        database,
      };
    }
    case "redis+unix": {
      if (url.hostname !== "" || url.pathname.length < 2) throw new RangeError(EXPECTED);
      const path = decodeURIComponent(url.pathname);
      const database = readDatabase(url.searchParams.get("db") ?? "");
      const user = url.searchParams.get("user") ?? name;
      return {
        shown: `${url.protocol}//${path}`,
        isSecure: false,
        at: { path },
        user,
        password,
        database,
      };
    }
    default:
      throw new RangeError(EXPECTED);
  }
}

function readDatabase(text: string): number {
  if (!/^\d{0,4}$/.test(text)) throw new RangeError("expected the number of a database");
  return Number(text);
}
