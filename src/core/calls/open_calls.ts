import type { PeerHandle, PeerId } from "../events.ts";
import type { CallFacts, Happenings } from "../happenings.ts";

/** A call under way. */
export interface OpenCall {
  readonly dialect: string;
  readonly id: string;
  readonly from: PeerId;
  readonly to: PeerId;
  readonly realm: string;
  /** On the server's clock. */
  readonly startedAt: number;
  /** Orders calls by their start. */
  readonly serial: number;
  /** A call of a peer of another node: an operator sees it there. */
  readonly isElsewhere: boolean;
}

/** A call that begins: by whom, and whom it is for. */
export interface CallStart {
  readonly dialect: string;
  /** The dialect's own name of it; made here if it has no name. */
  readonly id?: string;
  readonly from: PeerHandle;
  readonly to: PeerHandle;
  /** The caller is on another node. */
  readonly isElsewhere?: boolean;
}

/** The calls that operators see: those of dialects whose calls the server knows. */
export class OpenCalls {
  readonly #happenings: Happenings;
  /** Those that a peer of this node began. */
  readonly #calls = new Set<OpenCall>();
  readonly #callsElsewhere = new Set<OpenCall>();
  /** Calls of each peer. */
  readonly #ofPeer = new Map<string, number>();
  readonly #ofDialect = new Map<string, number>();
  #serial = 0;

  constructor(happenings: Happenings) {
    this.#happenings = happenings;
  }

  get size(): number {
    return this.#calls.size;
  }

  start(
    { dialect, id = crypto.randomUUID(), from, to, isElsewhere = false }: CallStart,
  ): OpenCall {
    const startedAt = this.#happenings.now();
    const parties = { from: from.id, to: to.id, realm: from.realm };
    const call = { dialect, id, ...parties, startedAt, serial: ++this.#serial, isElsewhere };
    (isElsewhere ? this.#callsElsewhere : this.#calls).add(call);
    this.#count(call, 1);
    if (this.#happenings.isHeard && !isElsewhere) {
      this.#happenings.emit({ type: "call.started", data: factsOf(call) });
    }
    return call;
  }

  end(call: OpenCall): void {
    if (!this.#calls.delete(call) && !this.#callsElsewhere.delete(call)) return;
    this.#count(call, -1);
    if (!this.#happenings.isHeard || call.isElsewhere) return;
    const durationSeconds = this.#happenings.secondsSince(call.startedAt);
    this.#happenings.emit({ type: "call.ended", data: { ...factsOf(call), durationSeconds } });
  }

  /** Calls under way, oldest first. */
  list(): Iterable<OpenCall> {
    return this.#calls;
  }

  countOfDialect(dialect: string): number {
    return this.#ofDialect.get(dialect) ?? 0;
  }

  countOfPeer({ realm, id }: { readonly realm: string; readonly id: PeerId }): number {
    return this.#ofPeer.get(keyOf(realm, id)) ?? 0;
  }

  #count({ dialect, realm, from, to, isElsewhere }: OpenCall, change: 1 | -1): void {
    if (!isElsewhere) add(this.#ofDialect, dialect, change);
    for (const id of new Set([from, to])) add(this.#ofPeer, keyOf(realm, id), change);
  }
}

function factsOf({ dialect, id: call, from, to }: OpenCall): CallFacts {
  return { dialect, call, from, to };
}

function keyOf(realm: string, id: PeerId): string {
  return `${realm}\0${id}`;
}

function add(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
