import type { Backplane, ClaimAnswer, Fence, RoomKey, SharedPeer } from "./backplane.ts";

/** Takes the publications of other nodes. */
export interface FarReceiver {
  /** @param from the sender's node, by its name in the channel */
  arrived(channel: string, payload: unknown, from: string): void;
  /** Another node has become a member of a channel with subscribers of this one. */
  met(channel: string, member: string): void;
  /** Takes a note that another node sent with `tell`. */
  noted(note: unknown): void;
}

/** Another node with subscribers of a channel. */
interface Member {
  readonly fence: Fence;
  count: number;
  /** Names that its subscribers answer to; the oldest first. */
  readonly names: Set<string>;
}

/** A publication for other nodes. */
interface Publication {
  readonly channel: string;
  readonly place: FarChannel;
  readonly payload: unknown;
  readonly to: readonly string[] | undefined;
  readonly bytes: number;
  state: "waiting" | "ready" | "dropped";
}

/** A channel as this node knows it beyond its own subscribers. */
class FarChannel {
  /** Subscribers of this node, and how many the other nodes know of. */
  count = 0;
  told = 0;
  /** Set while this node is a member of the channel. */
  fence: Fence | undefined = undefined;
  /** A step of this node's membership is under way. */
  isAsking = false;
  /** Publications that wait for the list of members; undefined if none was asked for. */
  looking: Publication[] | undefined = undefined;
  /** Publications that are not sent yet. */
  pending = 0;
  members = new Map<string, Member>();
}

/** Most channels that ask for their membership at a time: the others may be empty when it is their turn. */
export const MOST_CLAIMS = 1_000;
/** Names remembered for each subscriber of another node, as many as a subscription may have. */
const NAMES_EACH = 8;

/**
 * One kind of channels on the other nodes. A node with subscribers is a member of the channel, with
 * the number of its subscribers as its description. A publication goes once to each member, and never
 * overtakes an earlier one of this node.
 */
export class FarChannels {
  readonly realm: string;
  readonly #backplane: Backplane;
  readonly #receiver: FarReceiver;
  readonly #places = new Map<string, FarChannel>();
  /** Publications in their order, from the first one that cannot be sent yet. */
  readonly #queue: Publication[] = [];
  #claims = 0;
  /** Channels with subscribers that are to ask as soon as others have their answers. */
  readonly #due = new Set<string>();

  constructor(backplane: Backplane, realm: string, receiver: FarReceiver) {
    this.#backplane = backplane;
    this.realm = realm;
    this.#receiver = receiver;
  }

  /** Channels that this node knows. */
  get size(): number {
    return this.#places.size;
  }

  /** Subscribers on other nodes. */
  count(channel: string): number {
    let sum = 0;
    for (const { count } of this.#places.get(channel)?.members.values() ?? []) sum += count;
    return sum;
  }

  /** The channel has this many subscribers on this node now. */
  changed(channel: string, count: number): void {
    const place = this.#place(channel);
    place.count = count;
    this.#update(channel, place);
  }

  /**
   * Sends to the members of a channel.
   * @param bytes the size of the payload
   * @param to names of members, if it is not for all of them
   */
  send(channel: string, payload: unknown, bytes: number, to?: readonly string[]): void {
    const place = this.#place(channel);
    const isReady = place.fence !== undefined;
    const publication: Publication = { channel, place, payload, to, bytes, state: "ready" };
    if (isReady && this.#queue.length === 0) return this.#pass(publication);
    if (!this.#backplane.hold(bytes)) return this.#tidy(channel, place);
    place.pending++;
    this.#queue.push(publication);
    if (!isReady) this.#look(publication);
  }

  /** A subscriber on another node answers to a name from now on. */
  learn(channel: string, from: string, name: string): void {
    const member = this.#places.get(channel)?.members.get(from);
    if (member === undefined) return;
    const { names, count } = member;
    names.delete(name);
    names.add(name);
    for (const oldest of names) {
      if (names.size <= NAMES_EACH * count) break;
      names.delete(oldest);
    }
  }

  /** The members with a subscriber that answers to a name. */
  named(channel: string, name: string): string[] {
    const members = [...this.#places.get(channel)?.members ?? []];
    return members.filter(([, { names }]) => names.has(name)).map(([id]) => id);
  }

  /** Sends a note to all other nodes. */
  tell(note: unknown): void {
    this.#backplane.tell("channels", [this.realm, note]);
  }

  noted(note: unknown): void {
    this.#receiver.noted(note);
  }

  deliver(id: string, payload: unknown, from: string): void {
    const channel = channelIn(id);
    if ((this.#places.get(channel)?.count ?? 0) > 0) {
      this.#receiver.arrived(channel, payload, from);
    }
  }

  lost(id: string, fence: Fence): void {
    const place = this.#places.get(channelIn(id));
    if (place === undefined || place.fence !== fence) return;
    place.fence = undefined;
    this.#update(channelIn(id), place);
  }

  listed({ room }: RoomKey, members: readonly SharedPeer[]): void {
    const place = this.#places.get(room);
    if (place === undefined) return;
    const before = place.members;
    place.members = new Map();
    for (const member of members) {
      const known = before.get(member.id);
      if (known?.fence === member.fence) place.members.set(member.id, known);
      this.#add(room, place, member);
    }
  }

  joined({ room }: RoomKey, member: SharedPeer): void {
    const place = this.#places.get(room);
    if (place !== undefined) this.#add(room, place, member);
  }

  described(id: string, fence: Fence, info: unknown): void {
    const member = this.#places.get(channelIn(id))?.members.get(id);
    if (member?.fence === fence) member.count = countIn(info);
  }

  left(id: string, fence: Fence): void {
    const members = this.#places.get(channelIn(id))?.members;
    if (members?.get(id)?.fence === fence) members.delete(id);
  }

  #add(channel: string, place: FarChannel, { id, node, fence, info }: SharedPeer): void {
    if (node === this.#backplane.node) return;
    const known = place.members.get(id);
    if (known?.fence === fence) return void (known.count = countIn(info));
    place.members.set(id, { fence, count: countIn(info), names: new Set() });
    if (place.count > 0) this.#receiver.met(channel, id);
  }

  /** Brings the membership of this node in line with the number of its subscribers, step by step. */
  #update(channel: string, place: FarChannel): void {
    if (place.isAsking) return;
    const { fence, count } = place;
    this.#due.delete(channel);
    if (fence === undefined) {
      if (count > 0 && this.#claims < MOST_CLAIMS) this.#claim(channel, place);
      else if (count > 0) this.#due.add(channel);
    } else if (count === 0) {
      place.fence = undefined;
      this.#backplane.release({ realm: this.realm, id: this.#idIn(channel), fence }, undefined);
    } else if (count !== place.told) {
      this.#describe(channel, place, fence);
    }
    this.#tidy(channel, place);
  }

  #claim(channel: string, place: FarChannel): void {
    const { realm } = this;
    const limits = { maxMembers: Infinity, maxBytes: Infinity };
    const claimed = (outcome: ClaimAnswer): void => {
      place.isAsking = false;
      this.#claims--;
      this.#claimDue();
      // Only a node of the same name could have it; the next change asks again.
      if ("refused" in outcome) return this.#tidy(channel, place);
      place.fence = outcome.fence;
      this.#update(channel, place);
    };
    place.isAsking = true;
    this.#claims++;
    place.told = place.count;
    this.#backplane.claim(
      {
        realm,
        id: this.#idIn(channel),
        dialect: "channel",
        policy: "newest",
        proof: undefined,
        isExclusive: false,
        bytes: 0,
        info: place.count,
        entry: { realm, kind: "list", room: channel, ...limits },
        terms: undefined,
      },
      claimed,
      true,
    );
  }

  #claimDue(): void {
    const [channel = ""] = this.#due;
    const place = this.#places.get(channel);
    if (place !== undefined) this.#update(channel, place);
  }

  #describe(channel: string, place: FarChannel, fence: Fence): void {
    const actor = { realm: this.realm, id: this.#idIn(channel), fence };
    place.isAsking = true;
    place.told = place.count;
    this.#backplane.describe(actor, Infinity, { bytes: 0, info: place.count }, () => {
      place.isAsking = false;
      this.#update(channel, place);
    }, true);
  }

  /**
   * Asks who the members are. A list that was asked for before is as good: its answer comes after
   * everything that this node has learned until now.
   */
  #look(publication: Publication): void {
    const { channel, place } = publication;
    publication.state = "waiting";
    if (place.looking !== undefined) return void place.looking.push(publication);
    place.looking = [publication];
    this.#backplane.look({ realm: this.realm, kind: "list", room: channel }, (outcome) => {
      const publications = place.looking ?? [];
      place.looking = undefined;
      for (const one of publications) one.state = outcome === "listed" ? "ready" : "dropped";
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#queue.length > 0 && this.#queue[0]?.state !== "waiting") {
      const publication = this.#queue.shift();
      if (publication === undefined) return;
      this.#backplane.unhold(publication.bytes);
      publication.place.pending--;
      if (publication.state === "ready") this.#pass(publication);
      this.#tidy(publication.channel, publication.place);
    }
  }

  #pass({ channel, place, payload, to }: Publication): void {
    const { realm } = this;
    const from = this.#idIn(channel);
    for (const [id, { fence }] of place.members) {
      if (to !== undefined && !to.includes(id)) continue;
      const message = { realm, id, from, dialect: "channel", room: undefined, payload, fence };
      this.#backplane.send(message, false, () => {});
    }
  }

  /** Forgets a channel in which this node has nothing to do. */
  #tidy(channel: string, { count, fence, isAsking, looking, pending }: FarChannel): void {
    const isIdle = count === 0 && fence === undefined && !isAsking && looking === undefined;
    if (isIdle && pending === 0) this.#places.delete(channel);
  }

  #place(channel: string): FarChannel {
    let place = this.#places.get(channel);
    if (place === undefined) this.#places.set(channel, place = new FarChannel());
    return place;
  }

  /** This node's name in a channel. */
  #idIn(channel: string): string {
    return `${this.#backplane.node} ${channel}`;
  }
}

/** The channel in which a node has this name: names of nodes have no blanks. */
function channelIn(id: string): string {
  return id.slice(id.indexOf(" ") + 1);
}

function countIn(info: unknown): number {
  return Number.isSafeInteger(info) ? Number(info) : 0;
}
