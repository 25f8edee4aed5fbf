import { type LuaValue, Status } from "./lua.ts";

interface StreamEntry {
  readonly ms: number;
  readonly count: number;
  readonly fields: readonly string[];
}

type Value = Map<string, string> | Set<string> | StreamEntry[];

/** The answer of Redis to a command for a key of another type. */
const MISTYPED = "WRONGTYPE Operation against a key holding the wrong kind of value";

/** The data of an engine at one moment. */
export type EngineCopy = Map<string, Value>;

/** The data of an engine, and the commands that this server uses, as Redis describes them. */
export class EngineData {
  #values = new Map<string, Value>();
  /** When a value expires, if it does; a copy never does. */
  readonly #ends = new WeakMap<Value, number>();
  readonly #nowMs: () => number;
  #lastMs = 0;
  #lastCount = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Number of keys. */
  get size(): number {
    return this.#values.size;
  }

  keys(): string[] {
    return [...this.#values.keys()].filter((key) => this.#find(key) !== undefined).sort();
  }

  clear(): void {
    this.#values.clear();
  }

  /** A copy of everything, for `restore`. */
  copy(): EngineCopy {
    return structuredClone(this.#values);
  }

  /** Forgets what has happened since a copy was made. */
  restore(copy: EngineCopy): void {
    this.#values = structuredClone(copy);
  }

  /** Carries out one command. Throws at one that it does not know. */
  call([name = "", key = "", ...args]: readonly string[]): LuaValue {
    const [a = "", b = ""] = args;
    switch (name) {
      case "TIME":
        return [String(Math.floor(this.#nowMs() / 1000)), String(this.#nowMs() % 1000 * 1000)];
      case "HGET":
        return this.#hash(key).get(a) ?? false;
      case "HMGET":
        return args.map((field) => this.#hash(key).get(field) ?? false);
      case "HGETALL":
        return [...this.#hash(key)].flat();
      case "HSCAN":
        return ["0", [...this.#hash(key)].flat()];
      case "HLEN":
        return this.#hash(key).size;
      case "HEXISTS":
        return this.#hash(key).has(a) ? 1 : 0;
      case "HSET":
        for (let index = 0; index + 1 < args.length; index += 2) {
          this.#hash(key, true).set(args[index] ?? "", args[index + 1] ?? "");
        }
        return args.length / 2;
      case "HDEL":
        return this.#trimmed(key, args.filter((field) => this.#hash(key).delete(field)).length);
      case "HINCRBY": {
        if (!/^(0|-?[1-9]\d*)$/.test(b)) throw new Error(`ERR value is not an integer: ${b}`);
        const sum = Number(this.#hash(key).get(a) ?? 0) + Number(b);
        this.#hash(key, true).set(a, String(sum));
        return sum;
      }
      case "SADD": {
        const set = this.#set(key, true);
        const before = set.size;
        for (const one of args) set.add(one);
        return set.size - before;
      }
      case "SREM":
        return this.#trimmed(key, args.filter((one) => this.#set(key).delete(one)).length);
      case "SCARD":
        return this.#set(key).size;
      case "SISMEMBER":
        return this.#set(key).has(a) ? 1 : 0;
      case "SMEMBERS":
        return [...this.#set(key)];
      case "SPOP": {
        const [first] = this.#set(key);
        if (first === undefined) return false;
        this.#set(key).delete(first);
        return this.#trimmed(key, first);
      }
      case "TYPE":
        return new Status("ok", typeOf(this.#find(key)));
      case "DEL":
        return [key, ...args].filter((one) => this.#values.delete(one)).length;
      case "PEXPIRE": {
        const value = this.#find(key);
        if (value !== undefined) this.#ends.set(value, this.#nowMs() + Number(a));
        return value === undefined ? 0 : 1;
      }
      case "XADD":
        return this.#append(key, args.slice(1));
      case "XLEN":
        return this.stream(key).length;
      case "XTRIM": {
        const [ms = 0, count = 0] = b.split("-").map(Number);
        const kept = this.stream(key).filter((entry) => isFrom(entry, ms, count));
        if (this.#values.has(key)) this.#values.set(key, kept);
        return 0;
      }
      default:
        throw new Error(`ERR unknown command '${name}'`);
    }
  }

  stream(key: string): StreamEntry[] {
    const value = this.#find(key) ?? [];
    if (!Array.isArray(value)) throw new Error(MISTYPED);
    return value;
  }

  /** The entries behind a place. */
  after(key: string, place: string, most: number): StreamEntry[] {
    const [ms = 0, count = 0] = place.split("-").map(Number);
    return this.stream(key).filter((entry) => isFrom(entry, ms, count + 1)).slice(0, most);
  }

  #find(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined || this.#nowMs() < (this.#ends.get(value) ?? Infinity)) return value;
    this.#values.delete(key);
    return undefined;
  }

  #append(key: string, fields: readonly string[]): string {
    const ms = Math.max(Math.floor(this.#nowMs()), this.#lastMs);
    this.#lastCount = ms === this.#lastMs ? this.#lastCount + 1 : 0;
    this.#lastMs = ms;
    const entry = { ms, count: this.#lastCount, fields };
    const entries = this.stream(key);
    if (entries.push(entry) === 1) this.#values.set(key, entries);
    return `${entry.ms}-${entry.count}`;
  }

  #hash(key: string, isMade = false): Map<string, string> {
    const value = this.#find(key);
    if (value instanceof Map) return value;
    if (value !== undefined) throw new Error(MISTYPED);
    const made = new Map<string, string>();
    if (isMade) this.#values.set(key, made);
    return made;
  }

  #set(key: string, isMade = false): Set<string> {
    const value = this.#find(key);
    if (value instanceof Set) return value;
    if (value !== undefined) throw new Error(MISTYPED);
    const made = new Set<string>();
    if (isMade) this.#values.set(key, made);
    return made;
  }

  /** A hash or set without members does not exist. */
  #trimmed<T>(key: string, result: T): T {
    const value = this.#values.get(key);
    if (value instanceof Map || value instanceof Set) {
      if (value.size === 0) this.#values.delete(key);
    }
    return result;
  }
}

function typeOf(value: Value | undefined): string {
  if (value instanceof Map) return "hash";
  if (value instanceof Set) return "set";
  return value === undefined ? "none" : "stream";
}

function isFrom(entry: StreamEntry, ms: number, count: number): boolean {
  return entry.ms > ms || entry.ms === ms && entry.count >= count;
}
