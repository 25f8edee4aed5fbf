/** Where a server listens. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** The engine's address, from `--cluster` and the options beside it. */
export interface EngineAddress {
  /** Without a user or a password, for people. */
  readonly shown: string;
  readonly isSecure: boolean;
  /** A path of a unix socket, host and port, or the Sentinels that know the primary of a name. */
  readonly at: { readonly path: string } | HostAndPort | SentinelPlace;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

export interface SentinelPlace {
  readonly sentinels: readonly HostAndPort[];
  readonly primary: string;
}

const DEFAULT_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const EXPECTED = "expected redis://HOST, rediss://HOST, redis+unix:///PATH or " +
  "redis+sentinel://HOST,HOST/NAME";

/** Reads an engine's URL. Throws RangeError with words for people, which repeat no password. */
export function readPlace(text: string, passwordBeside?: string): EngineAddress {
  const [, scheme = "", rest = ""] = /^(\w+(?:\+\w+)?):\/\/(.*)$/s.exec(text) ?? [];
  const kind = scheme.replace(/^valkey/, "redis");
  switch (kind) {
    case "redis":
    case "rediss":
      return readNetwork(readUrl(text, passwordBeside), kind === "rediss");
    case "redis+unix":
      return readSocket(readUrl(text, passwordBeside));
    case "redis+sentinel":
    case "rediss+sentinel":
      return readSentinels(scheme, rest, passwordBeside);
    default:
      throw new RangeError(EXPECTED);
  }
}

interface Credentials {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

function readUrl(text: string, passwordBeside?: string): { url: URL } & Credentials {
  if (!URL.canParse(text)) throw new RangeError(EXPECTED);
  const url = new URL(text);
  if (url.hash !== "") throw new RangeError(EXPECTED);
  return { url, ...loginOf(url.username, url.password, passwordBeside) };
}

function loginOf(
  username: string,
  secret: string,
  passwordBeside: string | undefined,
): Credentials {
  if (secret !== "" && passwordBeside !== undefined) {
    throw new RangeError("the password is given twice, in the URL and by --cluster-password");
  }
  return {
    user: username === "" ? undefined : decoded(username),
    password: secret === "" ? passwordBeside : decoded(secret),
  };
}

function readNetwork(
  { url, ...login }: { url: URL } & Credentials,
  isSecure: boolean,
): EngineAddress {
  if (url.hostname === "" || url.search !== "") throw new RangeError(EXPECTED);
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const database = readDatabase(url.pathname.slice(1));
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const shown = `${url.protocol}//${url.hostname}:${port}${tailOf(database)}`;
  return { shown, isSecure, at: { host, port }, ...login, database };
}

function readSocket({ url, ...login }: { url: URL } & Credentials): EngineAddress {
  if (url.hostname !== "" || url.pathname.length < 2) throw new RangeError(EXPECTED);
  const path = decoded(url.pathname);
  const database = readDatabase(url.searchParams.get("db") ?? "");
  const user = url.searchParams.get("user") ?? login.user;
  return {
    shown: `${url.protocol}//${path}`,
    isSecure: false,
    at: { path },
    ...login,
    user,
    database,
  };
}

/** Reads `[user:password@]host:port,host:port/NAME[/db]`, which is no URL of one host. */
function readSentinels(scheme: string, rest: string, passwordBeside?: string): EngineAddress {
  const parts = /^(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)\/([^/?#]+)(?:\/(\d*))?$/.exec(rest);
  if (parts === null) throw new RangeError(EXPECTED);
  const [, username = "", secret = "", hosts = "", name = "", db = ""] = parts;
  const sentinels = hosts.split(",").map(readSentinel);
  const database = readDatabase(db);
  const primary = decoded(name);
  const all = sentinels.map(({ host, port }) =>
    `${host.includes(":") ? `[${host}]` : host}:${port}`
  );
  return {
    shown: `${scheme}://${all.join(",")}/${primary}${tailOf(database)}`,
    isSecure: /^(rediss|valkeys)\+/.test(scheme),
    at: { sentinels, primary },
    ...loginOf(username, secret, passwordBeside),
    database,
  };
}

function readSentinel(text: string): HostAndPort {
  const [, host, inBrackets, port] = /^(?:([^[\]:]+)|\[([^[\]]+)\])(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const name = host ?? inBrackets;
  if (name === undefined) throw new RangeError(EXPECTED);
  return { host: name, port: port === undefined ? SENTINEL_PORT : Number(port) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError("expected a percent-encoded user and password");
  }
}

function tailOf(database: number): string {
  return database === 0 ? "" : `/${database}`;
}

function readDatabase(text: string): number {
  if (!/^\d{0,4}$/.test(text)) throw new RangeError("expected the number of a database");
  return Number(text);
}
