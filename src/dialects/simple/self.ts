import type { SelfDescription } from "../../core/peer.ts";
import type { PeerId, RoomId } from "../../core/events.ts";
import { after, type Seat } from "../kit/seat.ts";
import {
  describe,
  difference,
  isObjection,
  NO_PROFILE,
  type Objection,
  peerInstances,
  type Profile,
  sizeOf,
  without,
  withServerFields,
} from "./description.ts";
import type { Reason } from "./instance.ts";
import { leaveNews, type News } from "./news.ts";
import type { SimpleServer } from "./server.ts";

/** The peer that a description is of. */
export interface DescribedPeer {
  readonly id: PeerId;
  readonly room: RoomId;
  readonly seat: Pick<Seat, "peer">;
}

/** A change that no client waits for: the new profile and the news of it; undefined if nothing changes. */
type OwnChange = (profile: Profile) => Made | undefined;

interface Made {
  readonly profile: Profile;
  readonly news: News;
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
  /** The server's own changes that wait for their turn. */
  readonly #due = new Set<OwnChange>();

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
    const described = withServerFields(this.profile, fields, this.#server.limits);
    if (isObjection(described)) return described.code;
    return this.#whenDue((old) => {
      const profile = withServerFields(old, fields, this.#server.limits);
      const peer = isObjection(profile) ? undefined : difference(old, profile);
      if (isObjection(profile) || peer === undefined) return undefined;
      // The change is not an instance's; there is always one to name.
      const instance = profile.instances.findIndex((one) => one !== undefined);
      return { profile, news: { type: "change", instance, change: { peer } } };
    });
  }

  /** An instance is gone. */
  leave(number: number, reason: Reason): void {
    this.#whenDue((old) => {
      const profile = without(old, number);
      return { profile, news: leaveNews(number, peerInstances(profile), reason) };
    });
  }

  /** Makes the changes that are due, because the peer moves. @returns the news for its new node to tell */
  takeDue(): News[] {
    const news: News[] = [];
    for (const change of this.#due) {
      const made = change(this.profile);
      if (made === undefined) continue;
      this.profile = made.profile;
      news.push(made.news);
    }
    this.#due.clear();
    return news;
  }

  /** Tells the others of a change that was made on the peer's last node. */
  tell(news: News): void {
    this.#show(this.profile, news);
  }

  /** A profile as others see it. */
  publicly(profile: Profile = this.profile): SelfDescription {
    return { info: describe(this.#peer.id, profile), bytes: sizeOf(profile) };
  }

  /** Makes a change, at once if no step is under way. */
  #whenDue(change: OwnChange): ReturnType<Self["setFields"]> {
    if (this.#last === undefined) return this.#make(change);
    this.#due.add(change);
    void this.inTurn(() => {
      if (this.#due.delete(change)) this.#make(change);
    });
    return "described";
  }

  #make(change: OwnChange): ReturnType<Self["setFields"]> {
    const made = change(this.profile);
    if (made === undefined) return "described";
    const outcome = this.#show(made.profile, made.news);
    if (outcome === "described") this.profile = made.profile;
    return outcome === "too_large" ? "description_too_large" : outcome;
  }

  #show(profile: Profile, news: News): ReturnType<SimpleServer["hub"]["describeMember"]> {
    const { hub, realm } = this.#server;
    const { room, id } = this.#peer;
    return hub.describeMember(realm, room, id, this.publicly(profile), news);
  }
}
