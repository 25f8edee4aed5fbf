import { exportSPKI, generateKeyPair, SignJWT } from "jose";
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
const TOKEN = "a-token-of-the-benchmark";
/** The default algorithms of public keys. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"] as const;

export interface LoginContest {
  readonly start: (flags: readonly string[]) => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** A kind of key at work. */
interface Kind {
  readonly title: string;
  readonly server: ServerProcess;
  /** Each stands in the key's place, one after the other. */
  readonly tokens: readonly string[];
  /** Logins so far. */
  count: number;
  /** CPU time per login in µs, by rounds. */
  readonly costs: number[];
}

type KindOfKey = Pick<Kind, "title" | "tokens"> & { readonly flags: readonly string[] };

export interface LoginFigures {
  /** Logins with a token beside those without. */
  readonly logins: readonly Row[];
  /** The share of a core that the tokens take beside the share that they may take. */
  readonly shares: readonly Row[];
}

/** Logs PeerJS clients in and out, 100 a second, with each kind of key by turns. */
export async function measureLogins(contest: LoginContest): Promise<LoginFigures> {
  await using held = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "signalbox-bench-" });
  held.defer(() => Deno.remove(folder, { recursive: true }));
  const { plan, signal } = contest;
  const kinds: Kind[] = [];
  const logins = loginsIn(plan.loginWarmUpMs) + plan.rounds * loginsIn(plan.measureMs);
  for (const { title, flags, tokens } of await keys(folder, logins)) {
    const server = held.use(await contest.start(flags));
    kinds.push({ title, server, tokens, count: 0, costs: [] });
  }
  for (let round = -1; round < plan.rounds; round++) {
    // Turns in another order each time, so that no kind always follows the same one.
    for (const nth of kinds.keys()) {
      signal.throwIfAborted();
      const kind = kinds[(nth + Math.max(0, round)) % kinds.length];
      if (kind === undefined) continue;
      const cost = await logIn(kind, round < 0 ? plan.loginWarmUpMs : plan.measureMs);
      if (round >= 0) kind.costs.push(cost); // The first round is the warm-up.
    }
  }
  const [none, ...others] = kinds;
  return {
    logins: others.map((kind) => ({
      title: `CPU per login, µs, ${kind.title}`,
      digits: 0,
      rounds: kind.costs.map((cost, n) => ({ signalbox: cost, yardstick: none?.costs[n] ?? NaN })),
    })),
    shares: others.map(({ title, costs }) => ({
      title: `% of a core for the tokens of ${PER_SECOND} logins a second, ${title}`,
      digits: 2,
      target: 1,
      rounds: costs.map((cost, n) => ({
        signalbox: Math.max(0, (cost - (none?.costs[n] ?? NaN)) * PER_SECOND / 1e4),
        yardstick: MAX_SHARE,
      })),
    })),
  };
}

/** Without a token first. The server remembers signatures, so that every login has its own token. */
async function keys(folder: string, logins: number): Promise<KindOfKey[]> {
  const found: KindOfKey[] = [
    { title: "none", flags: [], tokens: ["peerjs"] },
    {
      title: "fixed token",
      flags: ["--auth-mode=tokens", `--auth-tokens=${TOKEN}`],
      tokens: [TOKEN],
    },
  ];
  for (const alg of ["HS256", ...ALGORITHMS]) {
    const { flags, key } = alg === "HS256" ? SECRET : await publicKey(folder, alg);
    const tokens: string[] = [];
    for (let nth = 0; nth < logins; nth++) {
      const claims = { ...CLAIMS, jti: String(nth) };
      tokens.push(await new SignJWT(claims).setProtectedHeader({ alg }).sign(key));
    }
    found.push({ title: alg, flags, tokens });
    const isDearest = alg === "ES384";
    if (isDearest) found.push({ title: `${alg}, shown before`, flags, tokens: tokens.slice(0, 1) });
  }
  return found;
}

interface Signer {
  readonly flags: readonly string[];
  readonly key: CryptoKey | Uint8Array;
}

const SECRET: Signer = { flags: JWT_FLAGS, key: new TextEncoder().encode(JWT_SECRET) };

async function publicKey(folder: string, alg: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const file = `${folder}/${alg}.pem`;
  await Deno.writeTextFile(file, await exportSPKI(publicKey));
  return { flags: ["--auth-mode=jwt", `--auth-jwt-key=${file}`], key: privateKey };
}

function loginsIn(ms: number): number {
  return Math.max(1, Math.round(ms * PER_SECOND / 1_000));
}

/** One turn: µs of CPU time per login, the connection and its end included. */
async function logIn(kind: Kind, ms: number): Promise<number> {
  const { server, tokens } = kind;
  const { origin, pid } = server.target;
  const total = loginsIn(ms);
  const before = threadsCpuMs(pid);
  const start = performance.now();
  const logins: Promise<void>[] = [];
  for (let nth = 0; nth < total; nth++) {
    logins.push(comeAndGo(origin, tokens[kind.count++ % tokens.length] ?? ""));
    await sleep(Math.max(0, start + (nth + 1) * 1_000 / PER_SECOND - performance.now()));
  }
  await Promise.all(logins);
  return (threadsCpuMs(pid) - before) * 1_000 / total;
}

async function comeAndGo(origin: string, token: string): Promise<void> {
  const id = crypto.randomUUID();
  const path = `/peerjs?key=${token}&id=${id}&token=wk6epsdnv1&version=1.5.5`;
  const client = await Client.open(origin, path, { bufferBytes: 4_096 });
  const first = await client.receive();
  if (first !== '{"type":"OPEN"}') throw new Error(`Cannot log in: ${first}`);
  await client.leave();
}
