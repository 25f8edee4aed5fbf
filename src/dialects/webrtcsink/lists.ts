import type { PresentPeer } from "../../core/peer.ts";
import type { Place } from "../kit/seat.ts";
import {
  encodeConsumers,
  encodeProducers,
  type ListedPeer,
  NO_STATUS,
  type Role,
  type Status,
  statusOf,
} from "./messages.ts";

/** The answers to `list` and `listConsumers`, which are encoded once per change of a status. */
export class Lists {
  readonly #place: Place;
  #producers: string | undefined = undefined;
  #consumers: string | undefined = undefined;
  /** The changes of other nodes' peers that the answers know of. */
  #changes = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  /** The answer to `list`. */
  producers(): string {
    this.#catchUp();
    return this.#producers ??= encodeProducers(this.#having("producer"));
  }

  /** The answer to `listConsumers`: the peers that wait for a producer's call. */
  consumers(): string {
    this.#catchUp();
    return this.#consumers ??= encodeConsumers(this.#having("consumer"));
  }

  /** Drops the answers in which a peer with this status is, or is about to be. */
  forget({ roles }: Status): void {
    if (roles.includes("producer")) this.#producers = undefined;
    if (roles.includes("consumer")) this.#consumers = undefined;
  }

  /** Drops the answers if peers of other nodes have changed. */
  #catchUp(): void {
    const changes = this.#place.hub.elsewhere?.changes ?? 0;
    if (changes === this.#changes) return;
    this.#changes = changes;
    this.#producers = this.#consumers = undefined;
  }

  #having(role: Role): ListedPeer[] {
    const { hub, realm, dialect } = this.#place;
    const listed: ListedPeer[] = [];
    for (const peer of hub.peers(realm)) {
      const { roles, meta } = peer.dialect === dialect
        ? statusOf(peer, dialect)
        : statusAbroad(peer);
      if (roles.includes(role)) listed.push({ id: peer.id, meta });
    }
    return listed;
  }
}

/**
 * The status under which a peer of another dialect is shown: one that takes a single call at a time
 * is a producer while it has none, and others are not shown.
 */
export function statusAbroad(
  { id, dialect, isExclusive, isBusy, isCallable }: PresentPeer,
): Status {
  if (!isExclusive || isBusy || !isCallable) return NO_STATUS;
  return { roles: ["producer"], meta: { name: id, dialect } };
}
