import type { PeerHandle, PeerId } from "../../core/types.ts";
import {
  encodeConsumers,
  encodeProducers,
  type ListedPeer,
  NO_STATUS,
  type Role,
  type Status,
} from "./messages.ts";

/** A peer that was welcomed. */
interface Entry {
  readonly peer: PeerHandle;
  status: Status;
}

/** Who is connected and what each offers; answers to `list` are written once per change. */
export class Directory {
  readonly #entries = new Map<PeerId, Entry>();
  #producers: string | undefined = undefined;
  #consumers: string | undefined = undefined;

  admit(peer: PeerHandle): void {
    this.#entries.set(peer.id, { peer, status: NO_STATUS });
  }

  /** Undefined for ids that nobody has. */
  find(id: PeerId): Readonly<Entry> | undefined {
    return this.#entries.get(id);
  }

  update(peer: PeerHandle, status: Status): void {
    const entry = this.#entries.get(peer.id);
    if (entry === undefined) return;
    this.#forget(entry.status);
    entry.status = status;
    this.#forget(status);
  }

  remove(peer: PeerHandle): void {
    const entry = this.#entries.get(peer.id);
    if (entry === undefined) return;
    this.#forget(entry.status);
    this.#entries.delete(peer.id);
  }

  /** The answer to `list`. */
  producers(): string {
    return this.#producers ??= encodeProducers(this.#having("producer"));
  }

  /** The answer to `listConsumers`: those who wait for a producer's call. */
  consumers(): string {
    return this.#consumers ??= encodeConsumers(this.#having("consumer"));
  }

  #forget({ roles }: Status): void {
    if (roles.includes("producer")) this.#producers = undefined;
    if (roles.includes("consumer")) this.#consumers = undefined;
  }

  #having(role: Role): ListedPeer[] {
    const listed: ListedPeer[] = [];
    for (const { peer: { id }, status: { roles, meta } } of this.#entries.values()) {
      if (roles.includes(role)) listed.push({ id, meta });
    }
    return listed;
  }
}
