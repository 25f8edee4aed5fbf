import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Client } from "./client.ts";
import { CLAIMS, JWT_FLAGS, JWT_SECRET } from "./guarded.ts";
import { sleep } from "./pairs.ts";
import type { Plan } from "./plan.ts";
import type { ServerProcess } from "./process.ts";
import { threadsCpuMs } from "./process_usage.ts";
import type { Row } from "./report.ts";

const PER_SECOND = 100;
/** Most that the check of tokens may take of a core at this rate, in percent. */
const MAX_SHARE = 5;
const SECRET = new TextEncoder().encode(JWT_SECRET);
const TOKEN = "a-token-of-the-benchmark";
/** The default algorithms of public keys. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"] as const;
/** The dearest one, whose check alone takes the runtime longer than all logins may take. */
const DEAREST = "ES384";
/** Turns this short let whatever else the machine does fall on all kinds alike. */
const TURN_MS = 500;
/** Logins of the warm-up at the same time. */
const AT_ONCE = 10;

export interface LoginContest {
  readonly start: (flags: readonly string[]) => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** A kind of token at work. */
interface Kind {
  readonly title: string;
  readonly server: ServerProcess;
  /** Each stands in the key's place, one after the other. */
  readonly tokens: readonly string[];
  /** Logins so far. */
  count: number;
  /** CPU time of this round in µs, and its logins. */
  spent: { us: number; logins: number };
  /** CPU time per login in µs, by rounds. */
  readonly costs: number[];
}

type KindOfToken = Pick<Kind, "title" | "tokens">;

/** A server, and the kinds of tokens that it judges: they share what the runtime has compiled. */
interface Judging {
  readonly flags: readonly string[];
  readonly kinds: readonly KindOfToken[];
}

export interface LoginFigures {
  /** Logins with a token beside those without. */
  readonly logins: readonly Row[];
  /** The share of a core that the tokens take beside the share that they may take. */
  readonly shares: readonly Row[];
}

/** Logs PeerJS clients in and out, 100 a second, with each kind of token by turns. */
export async function measureLogins(contest: LoginContest): Promise<LoginFigures> {
  await using held = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "signalbox-bench-" });
  held.defer(() => Deno.remove(folder, { recursive: true }));
  const { plan, signal } = contest;
  const kinds: Kind[] = [];
  for (const { flags, kinds: judged } of await judging(folder, plan)) {
    const server = held.use(await contest.start(flags));
    const own = judged.map((one) => ({
      ...one,
      ...{ server, count: 0, costs: [], spent: { us: 0, logins: 0 } },
    }));
    for (const kind of own) await warmUp(kind, Math.ceil(plan.loginWarmUps / own.length));
    kinds.push(...own);
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < plan.measureMs / TURN_MS; turn++) {
      for (const nth of kinds.keys()) {
        signal.throwIfAborted();
        // In another order each time, so that no kind always follows the same one.
        const kind = kinds[(nth + turn) % kinds.length];
        if (kind !== undefined) await logIn(kind, Math.min(TURN_MS, plan.measureMs));
      }
    }
    for (const kind of kinds) {
      kind.costs.push(kind.spent.us / kind.spent.logins);
      kind.spent = { us: 0, logins: 0 };
    }
  }
  return figuresOf(kinds);
}

function figuresOf([none, ...others]: readonly Kind[]): LoginFigures {
  return {
    logins: others.map((kind) => ({
      title: `CPU per login, µs, ${kind.title}`,
      digits: 0,
      rounds: kind.costs.map((cost, n) => ({ signalbox: cost, yardstick: none?.costs[n] ?? NaN })),
    })),
    shares: others.map(({ title, costs }) => ({
      title: `% of a core for the tokens of ${PER_SECOND} logins a second, ${title}`,
      digits: 2,
      ...(title === DEAREST ? {} : { target: 1 }),
      rounds: costs.map((cost, n) => ({
        signalbox: Math.max(0, (cost - (none?.costs[n] ?? NaN)) * PER_SECOND / 1e4),
        yardstick: MAX_SHARE,
      })),
    })),
  };
}

/** Without a token first. The server remembers signatures, so that every login has its own token. */
async function judging(folder: string, plan: Plan): Promise<Judging[]> {
  const measured = plan.rounds * loginsIn(plan.measureMs);
  const sign = async (
    alg: string,
    key: CryptoKey | Uint8Array,
    warmUps: number,
  ): Promise<KindOfToken> => {
    const tokens: string[] = [];
    for (let nth = 0; nth < warmUps + AT_ONCE + measured; nth++) {
      const claims = { ...CLAIMS, jti: String(nth) };
      tokens.push(await new SignJWT(claims).setProtectedHeader({ alg }).sign(key));
    }
    return { title: alg, tokens };
  };
  const publicKeys = await Promise.all(ALGORITHMS.map((alg) => writeKey(folder, alg)));
  const signed: KindOfToken[] = [];
  const share = Math.ceil(plan.loginWarmUps / ALGORITHMS.length);
  for (const { alg, key } of publicKeys) signed.push(await sign(alg, key, share));
  const dearest = signed.find(({ title }) => title === DEAREST)?.tokens ?? [];
  const known = { title: `${DEAREST}, shown before`, tokens: dearest.slice(0, 1) };
  return [
    { flags: [], kinds: [{ title: "none", tokens: ["peerjs"] }] },
    {
      flags: ["--auth-mode=tokens", `--auth-tokens=${TOKEN}`],
      kinds: [{ title: "fixed token", tokens: [TOKEN] }],
    },
    { flags: JWT_FLAGS, kinds: [await sign("HS256", SECRET, plan.loginWarmUps)] },
    {
      flags: ["--auth-mode=jwt", ...publicKeys.map(({ file }) => `--auth-jwt-key=${file}`)],
      kinds: [...signed, known],
    },
  ];
}

interface WrittenKey {
  readonly alg: string;
  readonly file: string;
  /** Signs. */
  readonly key: CryptoKey;
}

/** Makes a pair of keys, and writes the public one as a JWK, which names its algorithm. */
async function writeKey(folder: string, alg: string): Promise<WrittenKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const file = `${folder}/${alg}.json`;
  await Deno.writeTextFile(file, JSON.stringify({ ...await exportJWK(publicKey), alg }));
  return { alg, file, key: privateKey };
}

function loginsIn(ms: number): number {
  return Math.max(1, Math.round(ms * PER_SECOND / 1_000));
}

/** Logs in as fast as the server can, so that the runtime compiles a login's code. */
async function warmUp(kind: Kind, logins: number): Promise<void> {
  for (let done = 0; done < logins; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => comeAndGo(kind)));
  }
}

/** One turn; the CPU time of the connection and its end is included. */
async function logIn(kind: Kind, ms: number): Promise<void> {
  const { server: { target: { pid } }, spent } = kind;
  const total = loginsIn(ms);
  const before = threadsCpuMs(pid);
  const start = performance.now();
  const logins: Promise<void>[] = [];
  for (let nth = 0; nth < total; nth++) {
    logins.push(comeAndGo(kind));
    await sleep(Math.max(0, start + (nth + 1) * 1_000 / PER_SECOND - performance.now()));
  }
  await Promise.all(logins);
  spent.us += (threadsCpuMs(pid) - before) * 1_000;
  spent.logins += total;
}

async function comeAndGo(kind: Kind): Promise<void> {
  const token = kind.tokens[kind.count++ % kind.tokens.length] ?? "";
  const id = crypto.randomUUID();
  const path = `/peerjs?key=${token}&id=${id}&token=wk6epsdnv1&version=1.5.5`;
  const { origin } = kind.server.target;
  const client = await Client.open(origin, path, { bufferBytes: 4_096 });
  const first = await client.receive();
  if (first !== '{"type":"OPEN"}') throw new Error(`Cannot log in: ${first}`);
  await client.leave();
}
