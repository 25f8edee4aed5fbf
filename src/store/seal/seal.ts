import { Buffer } from "node:buffer";
import type { Sealed, WallClock } from "../../core/kept.ts";
import { decodeAs, SealedHead } from "../records/shapes.ts";
import { batchOf, type Key, type RecordChange, type StoreEngine } from "../engine/engine.ts";

export interface SealerOptions {
  readonly engine: StoreEngine;
  /** The store's own secret. */
  readonly secret: Uint8Array;
  readonly wallNow: WallClock;
  /** Limit for one dialect, in bytes of JSON. */
  readonly maxBytes: number;
}

/** Records under one name, as they are stored. */
export interface Found {
  readonly name: string;
  /** Undefined if the state is incomplete, because it was being written or deleted. */
  readonly head: Uint8Array<ArrayBuffer> | undefined;
  /** Keyed by their number. */
  readonly chunks: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Sealed state cannot be read: it was changed, or belongs to another store. */
export class SealBrokenError extends Error {
  override readonly name = "SealBrokenError";
}

/** Bytes of JSON in one record; a record may have 64 KiB in total. */
const CHUNK_BYTES = 60 * 1024;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const LF = 10;

/**
 * Writes and reads the state that clients resume after a planned restart. It is encrypted with a key
 * that is used once, cut into records, and invalid after its lifetime.
 */
export class Sealer {
  readonly #options: SealerOptions;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  /** Replaces the sealed state of this name; items over the limit are left out. */
  async seal(
    name: string,
    items: Iterable<unknown>,
    lifetimeMs: number,
  ): Promise<{ items: number; leftOut: number }> {
    const { engine, wallNow, maxBytes } = this.#options;
    const { text, ...counts } = pack(items, maxBytes);
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const sealedAtMs = wallNow();
    const head: SealedHead = {
      salt: Buffer.from(salt).toString("base64url"),
      // Even an empty state has one chunk, which authenticates the head.
      chunks: Math.max(1, Math.ceil(text.length / CHUNK_BYTES)),
      sealedAtMs,
      expiresAtMs: sealedAtMs + lifetimeMs,
    };
    const key = await this.#key(name, salt);
    await this.discard([await this.find(name)]);
    const changes: RecordChange[] = [];
    for (let at = 0; at < head.chunks; at++) {
      const chunk = text.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES);
      const value = await crypto.subtle.encrypt(parameters(name, head, at), key, chunk);
      changes.push({ key: chunkKey(name, String(at)), value: new Uint8Array(value) });
    }
    // Written last, so that state left incomplete by a crash is ignored.
    changes.push({ key: headKey(name), value: encode(head) });
    await commitAll(engine, changes);
    return counts;
  }

  /** Finds the sealed state of this name, or its remains. */
  async find(name: string): Promise<Found> {
    const { engine } = this.#options;
    const head = await engine.get(headKey(name));
    const chunks = new Map<string, Uint8Array<ArrayBuffer>>();
    for await (const { key, value } of engine.list(chunksKey(name))) {
      chunks.set(key.at(-1) ?? "", value);
    }
    return { name, head, chunks };
  }

  /** Returns undefined if there is no state or it has expired. Throws SealBrokenError. */
  async open({ name, head, chunks }: Found): Promise<Sealed | undefined> {
    if (head === undefined) return undefined;
    try {
      return await this.#open(name, decodeHead(head), chunks, this.#options.wallNow());
    } catch (cause) {
      throw new SealBrokenError(`Cannot read what was sealed for "${name}"`, { cause });
    }
  }

  /** Deletes the state. The first commit deletes all heads, so nothing can be read after it. */
  async discard(found: readonly Found[]): Promise<void> {
    const keys = [
      ...found.filter(({ head }) => head !== undefined).map(({ name }) => headKey(name)),
      ...found.flatMap(({ name, chunks }) => [...chunks.keys()].map((at) => chunkKey(name, at))),
    ];
    await commitAll(this.#options.engine, keys.map((key) => ({ key, value: undefined })));
  }

  async #open(
    name: string,
    head: SealedHead,
    chunks: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    now: number,
  ): Promise<Sealed | undefined> {
    if (head.expiresAtMs <= now) return undefined;
    const key = await this.#key(name, Buffer.from(head.salt, "base64url"));
    const text: Uint8Array[] = [];
    for (let at = 0; at < head.chunks; at++) {
      const chunk = chunks.get(String(at));
      if (chunk === undefined) throw new Error(`part ${at} of ${head.chunks} is missing`);
      const plain = await crypto.subtle.decrypt(parameters(name, head, at), key, chunk);
      text.push(new Uint8Array(plain));
    }
    return { items: unpack(Buffer.concat(text)), ageMs: Math.max(0, now - head.sealedAtMs) };
  }

  /** Each salt makes a new key, so initialisation vectors may simply count up. */
  async #key(name: string, salt: Uint8Array): Promise<CryptoKey> {
    const own = new Uint8Array(this.#options.secret);
    const secret = await crypto.subtle.importKey("raw", own, "HKDF", false, ["deriveKey"]);
    const info = new TextEncoder().encode(`signalbox sealed ${name}`);
    return await crypto.subtle.deriveKey(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(salt), info },
      secret,
      { name: "AES-GCM", length: 256 },
      false,
      ["encrypt", "decrypt"],
    );
  }
}

/** Writes one item per line, as many as fit. */
function pack(
  items: Iterable<unknown>,
  maxBytes: number,
): { text: Uint8Array<ArrayBuffer>; items: number; leftOut: number } {
  const lines: Buffer[] = [];
  let [bytes, leftOut] = [0, 0];
  for (const item of items) {
    const line = Buffer.from(`${JSON.stringify(item)}\n`);
    // The order must have no gaps: after the first item over the limit, all are left out.
    if (leftOut > 0 || bytes + line.length > maxBytes) {
      leftOut++;
      continue;
    }
    bytes += line.length;
    lines.push(line);
  }
  return { text: new Uint8Array(Buffer.concat(lines)), items: lines.length, leftOut };
}

function unpack(text: Uint8Array): unknown[] {
  const items: unknown[] = [];
  const decoder = new TextDecoder();
  for (let from = 0; from < text.length;) {
    const to = text.indexOf(LF, from);
    items.push(JSON.parse(decoder.decode(text.subarray(from, to))));
    from = to + 1;
  }
  return items;
}

/** Each chunk authenticates its place and the whole head. */
function parameters(name: string, head: SealedHead, at: number): AesGcmParams {
  const iv = new Uint8Array(IV_BYTES);
  new DataView(iv.buffer).setUint32(0, at);
  const { chunks, sealedAtMs, expiresAtMs } = head;
  return {
    name: "AES-GCM",
    iv,
    additionalData: encode([name, at, chunks, sealedAtMs, expiresAtMs]),
  };
}

function decodeHead(stored: Uint8Array): SealedHead {
  const head = decodeAs(SealedHead, stored);
  if (head === undefined) throw new Error("its head is invalid");
  return head;
}

async function commitAll(engine: StoreEngine, changes: readonly RecordChange[]): Promise<void> {
  for (let at = 0; at < changes.length;) {
    const batch = batchOf(changes.slice(at, at + 1_000));
    await engine.commit(batch);
    at += batch.length;
  }
}

function headKey(name: string): Key {
  return ["sealed", name];
}

function chunksKey(name: string): Key {
  return ["sealed", name, "chunk"];
}

function chunkKey(name: string, at: string): Key {
  return [...chunksKey(name), at];
}

function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
