import { Buffer } from "node:buffer";
import * as z from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Secret, SharedRecord } from "../../core/kept.ts";
import { type Engine, type Key, StoreError } from "../engine/engine.ts";
import { withinTime } from "../time_limit.ts";
import { decodeAs } from "./shapes.ts";

export interface SecretBookOptions {
  /** Undefined if nothing outlives the process. */
  readonly engine: Engine | undefined;
  readonly clock: Clock;
  /** Time limit for a write. */
  readonly timeoutMs: number;
  /** Called after each written change, because an older value may be in a write in progress. */
  readonly onChange: (key: Key) => void;
}

/** Stamps before the nodes of a cluster agree: one that was stored goes before one that is new. */
const STORED_STAMP = 2;
const NEW_STAMP = 1;

type Bytes = Uint8Array<ArrayBuffer>;

const SECRET_BYTES = 32;
/** The secret of the store itself; of no dialect, and of no other node. */
export const OWN_SECRET = "store";

/** The secrets of a store; each is stored as its current bytes, then its previous ones. */
export class SecretBook {
  readonly #options: SecretBookOptions;
  readonly #secrets = new Map<string, StoredSecret>();
  #tell: ((record: SharedRecord) => void) | undefined;
  /** Rotations run one at a time, so that none is lost. */
  #rotating: Promise<unknown> = Promise.resolve();

  constructor(options: SecretBookOptions) {
    this.#options = options;
  }

  /** Reads or creates the secrets of these names. */
  async open(names: readonly string[]): Promise<void> {
    const { engine } = this.#options;
    if (engine === undefined) return;
    for (const name of names) this.#secrets.set(name, await openSecret(engine, name));
  }

  /** Without an engine, creates one in memory. Throws RangeError for a name that was not opened. */
  get(name: string): Secret {
    return this.#find(name);
  }

  /**
   * Replaces a secret for everything that uses it. The new secret is written first, because MACs made
   * with it must not outlive it. "failed": it was not written, and nothing has changed. If the write
   * completes late, the secret in use is the previous one after a restart.
   */
  rotate(name: string): Promise<"rotated" | "failed"> {
    const turn = this.#rotating.then(() => this.#rotateNow(name));
    this.#rotating = turn.catch(() => {});
    return turn;
  }

  /** Has each change told from now on, for the other nodes of a cluster. */
  whenChanged(tell: (record: SharedRecord) => void): void {
    this.#tell = tell;
  }

  /** The secrets as other nodes take them, but for one that is this store's own. */
  *shared(): Generator<SharedRecord> {
    for (const [name, { stamp }] of this.#secrets) {
      if (name !== OWN_SECRET) yield this.#sharedAt(name, stamp);
    }
  }

  /** Takes over what another node has, unless this one is as new; "invalid": it is no secret. */
  accept(name: string, text: string | undefined, stamp: number): "taken" | "known" | "invalid" {
    const base64 = decodeAs(z.string(), new TextEncoder().encode(text ?? ""));
    const next = base64 === undefined
      ? undefined
      : StoredSecret.decode(new Uint8Array(Buffer.from(base64, "base64")), stamp);
    if (next === undefined || name === OWN_SECRET) return "invalid";
    const secret = this.#secrets.get(name);
    // Before the nodes agree, one of the same age may be another one, and the engine's comes first.
    const least = secret === undefined ? 0 : secret.stamp + Number(secret.isAgreed);
    if (stamp < least) return "known";
    next.isAgreed = true;
    if (secret === undefined) this.#secrets.set(name, next);
    else secret.become(next);
    this.#options.onChange(secretKey(name));
    return "taken";
  }

  /** The keys of all secrets. */
  *keys(): Generator<Key> {
    for (const name of this.#secrets.keys()) yield secretKey(name);
  }

  /** The stored bytes of a key. */
  stored([, name = ""]: Key): Bytes | undefined {
    return this.#secrets.get(name)?.encode();
  }

  #find(name: string): StoredSecret {
    let secret = this.#secrets.get(name);
    if (secret === undefined) {
      if (this.#options.engine !== undefined) {
        throw new RangeError(`Cannot open "${name}": it was not named at start`);
      }
      this.#secrets.set(name, secret = new StoredSecret(newBytes()));
      this.#tell?.(this.#sharedAt(name, secret.stamp));
    }
    return secret;
  }

  async #rotateNow(name: string): Promise<"rotated" | "failed"> {
    const { engine, clock, timeoutMs, onChange } = this.#options;
    const secret = this.#find(name);
    const next = new StoredSecret(newBytes(), secret.current, secret.stamp);
    next.isAgreed = secret.isAgreed;
    const key = secretKey(name);
    try {
      const change = { key, value: next.encode() };
      if (engine !== undefined) await withinTime(engine.commit([change]), timeoutMs, clock);
    } catch {
      return "failed";
    }
    secret.become(next);
    onChange(key);
    this.#tell?.(this.#sharedAt(name, undefined));
    return "rotated";
  }

  #sharedAt(name: string, stamp: number | undefined): SharedRecord {
    const bytes = this.#secrets.get(name)?.encode() ?? new Uint8Array();
    const text = JSON.stringify(Buffer.from(bytes).toString("base64"));
    return { key: secretKey(name), text, lifetimeMs: Infinity, stamp };
  }
}

/** A secret as its users hold it; a rotation changes it in place. */
class StoredSecret implements Secret {
  current: Bytes;
  previous: Bytes | undefined;
  /** Larger for a newer one of a cluster. */
  stamp: number;
  /** All nodes of a cluster have it. */
  isAgreed = false;

  constructor(current: Bytes, previous?: Bytes, stamp = NEW_STAMP) {
    this.current = current;
    this.previous = previous;
    this.stamp = stamp;
  }

  /** Returns undefined if the stored bytes are not a secret. */
  static decode(stored: Bytes, stamp = STORED_STAMP): StoredSecret | undefined {
    if (stored.length === SECRET_BYTES) return new StoredSecret(stored, undefined, stamp);
    if (stored.length !== 2 * SECRET_BYTES) return undefined;
    return new StoredSecret(stored.slice(0, SECRET_BYTES), stored.slice(SECRET_BYTES), stamp);
  }

  encode(): Bytes {
    const { current, previous } = this;
    return previous === undefined ? current : new Uint8Array([...current, ...previous]);
  }

  become({ current, previous, stamp, isAgreed }: StoredSecret): void {
    Object.assign(this, { current, previous, stamp, isAgreed });
  }
}

/** The stored secret; if two servers start at once, the first one's. */
async function openSecret(engine: Engine, name: string): Promise<StoredSecret> {
  for (;;) {
    const stored = await engine.get(secretKey(name));
    if (stored !== undefined) return StoredSecret.decode(stored) ?? refuse(engine, name);
    const fresh = newBytes();
    if (await engine.create(secretKey(name), fresh)) return new StoredSecret(fresh);
  }
}

/** Refuses to start: another secret would cost clients their ids, so a person must decide. */
function refuse({ place }: Engine, name: string): never {
  throw new StoreError(`Cannot use the store in "${place}": secret "${name}" is damaged`, "secret");
}

function newBytes(): Bytes {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

function secretKey(name: string): Key {
  return ["secret", name];
}
