import type { SelfDescription } from "../../core/peer.ts";
import type { PeerId, RoomId } from "../../core/events.ts";
import { after, type Seat } from "../kit/seat.ts";
import {
  describe,
  difference,
  isObjection,
  NO_PROFILE,
  type Objection,
  type Profile,
  sizeOf,
  withServerFields,
} from "./description.ts";
import type { News } from "./news.ts";
import type { SimpleServer } from "./server.ts";

/** The peer that a description is of. */
export interface DescribedPeer {
  readonly id: PeerId;
  readonly room: RoomId;
  readonly seat: Pick<Seat, "peer">;
}

/**
 * A peer's description of itself. Steps that change it take turns, because each begins with the outcome
 * of the one before, for which it may have to wait.
 */
export class Self {
  profile: Profile = NO_PROFILE;
  readonly #server: SimpleServer;
  readonly #peer: DescribedPeer;
  /** Settles with the last step that waits; undefined if none does. */
  #last: Promise<void> | undefined = undefined;

  constructor(server: SimpleServer, peer: DescribedPeer) {
    this.#server = server;
    this.#peer = peer;
  }

  /** Carries a step out: at once, unless another one has to end first. */
  inTurn(step: () => void | Promise<void>): void | Promise<void> {
    const outcome = this.#last === undefined ? step() : this.#last.then(step);
    if (outcome === undefined) return;
    const ignore = (): void => {
      if (this.#last === last) this.#last = undefined;
    };
    const last: Promise<void> = outcome.then(ignore, ignore);
    this.#last = last;
    return outcome;
  }

  /** Shows a profile to the room; call it in turn. */
  announce(profile: Profile, news: News): void | Promise<void> {
    const { peer } = this.#peer.seat;
    if (peer === undefined) return;
    const step = this.#server.hub.describe(peer, this.publicly(profile), news);
    return after(step, () => {
      this.profile = profile;
    });
  }

  /** Sets the server's fields, in place of the earlier ones. */
  setFields(
    fields: Readonly<Record<string, unknown>>,
  ): "described" | "unknown" | Objection["code"] {
    if (this.#last === undefined) return this.#setFields(fields);
    const described = withServerFields(this.profile, fields, this.#server.limits);
    if (isObjection(described)) return described.code;
    void this.inTurn(() => void this.#setFields(fields));
    return "described";
  }

  /** A profile as others see it. */
  publicly(profile: Profile = this.profile): SelfDescription {
    return { info: describe(this.#peer.id, profile), bytes: sizeOf(profile) };
  }

  #setFields(
    fields: Readonly<Record<string, unknown>>,
  ): "described" | "unknown" | Objection["code"] {
    const { hub, realm, limits } = this.#server;
    const { room, id } = this.#peer;
    const profile = withServerFields(this.profile, fields, limits);
    if (isObjection(profile)) return profile.code;
    const peer = difference(this.profile, profile);
    if (peer === undefined) return "described";
    // The change is not an instance's; there is always one to name.
    const instance = profile.instances.findIndex((one) => one !== undefined);
    const news: News = { type: "change", instance, change: { peer } };
    const outcome = hub.describeMember(realm, room, id, this.publicly(profile), news);
    if (outcome === "described") this.profile = profile;
    return outcome === "too_large" ? "description_too_large" : outcome;
  }
}
