import { type Abroad, type Sent, sentBy } from "../calls/abroad.ts";
import type {
  Backplane,
  ClaimAnswer,
  Fence,
  PairAnswer,
  PeerKey,
  PeerNews,
  Remembered,
  RoomKey,
  SharedDescription,
  SharedEntry,
  SharedMessage,
  SharedPeer,
} from "./backplane.ts";
import { Exchange } from "../channels.ts";
import type { PeerHandle, PeerId, Refused, RoomId } from "../events.ts";
import { FarExchange } from "./far_exchange.ts";
import { callerOf } from "./far_permits.ts";
import { Ghosts, nameOf, roomNameOf } from "./ghosts.ts";
import { isExpulsion, type LeaveReason } from "../expulsion.ts";
import { GuestList } from "./guest_list.ts";
import type { Happenings } from "../happenings.ts";
import { Hub, type Reserve } from "../hub.ts";
import type { HubLimits } from "../limits.ts";
import { type Claim, type RoomRequest, type SelfDescription, tell } from "../peer.ts";
import { Moves } from "./moves.ts";
import { OwnPeers } from "./own_peers.ts";
import { askAll } from "../realm.ts";
import type { Receiver } from "../session.ts";
import { refuseClaim } from "../refusals.ts";
import { SharedCalls } from "./shared_calls.ts";
import { SharedMail } from "./shared_mail.ts";
import { SharedPairs } from "./shared_pairs.ts";
import {
  append,
  type ClaimRefusal,
  endStay,
  entryOf,
  isShut,
  movedAway,
  NO_LIMITS,
  type Own,
  sharedClaim,
  whenAnswered,
} from "./shared_steps.ts";

/**
 * A hub of one node among several, whose ids, rooms and pairs are those of all nodes. Peers of other
 * nodes stand as ghosts. A step that concerns them is carried out at its place in one order for all.
 */
export class SharedHub extends Hub implements PeerNews {
  override readonly elsewhere: SharedMail;
  override readonly channels: Exchange;
  readonly #backplane: Backplane;
  readonly #limits: HubLimits;
  readonly #reserves = new Map<string, Reserve[]>();
  readonly #own = new OwnPeers();
  readonly #ghosts: Ghosts;
  /** Undefined where no dialects are bridged. */
  readonly #calls: SharedCalls | undefined;

  constructor(limits: HubLimits, backplane: Backplane, abroad: Abroad = {}, news?: Happenings) {
    const calls = abroad.calls && new SharedCalls(abroad.calls, backplane);
    const guests = new GuestList(backplane, abroad.lobby);
    // The limits of peers are this node's own, and those of rooms the cluster's.
    super(NO_LIMITS, { ...abroad, calls, moved: (peer) => guests.moved(peer) }, news);
    this.#calls = calls;
    this.#limits = limits;
    this.#backplane = backplane;
    const find = (realm: string, id: PeerId) => this.find(realm, id);
    const ghosts = this.#ghosts = new Ghosts(backplane.node, {
      claim: (claim) => void super.claim(claim),
      join: (handle, request) => void super.join(handle, request),
      describe: (handle, description, news) => void super.describe(handle, description, news),
      release: (handle, receiver, news) => super.release(handle, receiver, "left", news),
      showGuest: (handle, ...how) => super.showGuest(handle, ...how),
      find,
      pass: (ghost, message) => this.elsewhere.passGhost(ghost, message),
      leg: (ghost, other, room) => calls?.legOf(ghost, other, room) ?? "absent",
      expel: ({ realm, id, fence }, reason) => backplane.tell("expel", [realm, id, fence, reason]),
    });
    const homes = new Moves(backplane, {
      ghosts,
      calls,
      own: this.#own,
      is: (handle) => this.#is(handle),
      carry: (handle, receiver) => super.carry(handle, receiver),
      admit: (claim) => void super.claim(claim),
      enter: (own, room) => this.#enter(own, room),
      forget: (own) => this.#forget(own),
      deliver: (message) => this.deliver(message),
    });
    this.elsewhere = new SharedMail({ backplane, calls, ghosts, guests, find, homes });
    const pair = (handle: PeerHandle, to: PeerId) => void super.pair(handle, to);
    const pairs = new SharedPairs({ ghosts, own: this.#own, calls, find, homes, pair });
    calls?.attach({
      part: (realm, one, other) => pairs.forget(realm, one, other),
      find,
      actorOf: (key) => this.#own.get(key)?.actor,
      fenceOf: (key) => ghosts.find(key)?.fence,
      haveMet: (own, other) => ghosts.find(other)?.pairs.has(own.id) === true,
      returned: (from, to, payload, reason) =>
        this.elsewhere.returned(from, to, payload, sentBy(reason)),
    });
    const far = new FarExchange(backplane);
    this.channels = new Exchange((realm, kind, receiver) => far.open(realm, kind, receiver));
    backplane.attach(far.before(this, pairs, homes));
    guests.attach((key) => this.#own.get(key), (list) => this.elsewhere.follow(list));
    if (abroad.lobby !== undefined) guests.follow(abroad.lobby.realm);
  }

  /** Peers of this node. */
  override get peerCount(): number {
    return this.#own.size;
  }

  override reserve(realm: string, reserve: Reserve): void {
    append(this.#reserves, realm, reserve);
  }

  override async claim(claim: Claim): Promise<void> {
    const { realm, receiver } = claim;
    const isHeld = this.#holdsOwn(claim);
    const objection = isHeld ? undefined : this.#objection(claim);
    if (objection !== undefined) return refuseClaim(claim, objection);
    const [reserve, ...others] = this.#reserves.get(realm) ?? [];
    const isFree = reserve === undefined ||
      await askAll(reserve(claim, isHeld), others, claim, isHeld);
    if (!isFree) return refuseClaim(claim, "id_taken");
    if (!receiver.link.isOpen) return;
    // A take-over on one node is this node's matter.
    if (this.#holdsOwn(claim)) return super.claim(claim);
    const entry = claim.room && this.#entry(claim, claim.room);
    const shared = sharedClaim(claim, entry, this.elsewhere.termsOf(claim));
    await whenAnswered<ClaimAnswer>(
      (answer) => this.#backplane.claim(shared, answer),
      (outcome) => this.#claimed(claim, outcome),
      entry && this.#ghosts.awaits(roomNameOf(entry)),
    );
  }

  override release(
    handle: PeerHandle,
    receiver: Receiver,
    why: LeaveReason = "left",
    news?: unknown,
  ): void {
    const own = this.#own.get(handle);
    const isSpeaker = this.find(handle.realm, handle.id)?.receiver === receiver;
    super.release(handle, receiver, why, news);
    if (own === undefined || !isSpeaker || this.#holdsOwn(handle)) return;
    this.#forget(own);
    this.#backplane.release(own.actor, news);
  }

  override join(
    handle: PeerHandle,
    request: RoomRequest,
    description?: SelfDescription,
  ): void | Promise<void> {
    const own = this.#own.get(handle);
    // The hub itself refuses to act for a peer that was released.
    if (own === undefined || !this.#is(handle)) return super.join(handle, request, description);
    const entry = this.#entry(handle, request);
    const name = roomNameOf(entry);
    if (own.rooms.has(name)) return super.join(handle, request, description);
    const refuse = (reason: Extract<Refused, { step: "join" }>["reason"]): void =>
      this.#answer(handle, { type: "refused", step: "join", room: request.room, reason });
    if (isShut(this.rulesOf(handle.realm), handle, request)) return refuse("credentials_missing");
    if (this.#isFull(name)) return refuse("rooms_full");
    return whenAnswered<string>(
      (answer) => this.#backplane.join(own.actor, entry, description ?? own.fresh, answer),
      (outcome) => {
        if (outcome === "stale" || outcome === "entered" && !this.#is(handle)) return;
        if (outcome !== "entered") return refuse(outcome === "unavailable" ? outcome : "room_full");
        this.#enter(own, entry);
        own.fresh = undefined;
        void super.join(handle, request, description);
      },
      this.#ghosts.awaits(name),
    );
  }

  override describe(
    handle: PeerHandle,
    description: SelfDescription,
    news?: unknown,
  ): void | Promise<void> {
    const own = this.#own.get(handle);
    if (own === undefined || !this.#is(handle) || own.rooms.size === 0) {
      if (own !== undefined) own.fresh = description;
      return super.describe(handle, description, news);
    }
    const shared = { ...description, news };
    return whenAnswered<string>(
      (answer) =>
        this.#backplane.describe(own.actor, this.#limits.maxRoomInfoBytes, shared, answer),
      (outcome) => {
        const isHere = this.#is(handle);
        if (outcome === "described" && isHere) return super.describe(handle, description, news);
        // Its new node has the peer without this change.
        if (outcome === "stale" && isHere) throw movedAway();
        if (outcome === "stale" || outcome === "described") return;
        const reason = outcome === "unavailable" ? outcome : "description_too_large";
        this.#answer(handle, { type: "refused", step: "describe", reason });
      },
    );
  }

  override describeMember(
    realm: string,
    room: RoomId,
    id: PeerId,
    description: SelfDescription,
    news?: unknown,
  ): "described" | "unknown" | "too_large" {
    const own = this.#own.get({ realm, id });
    // A peer of another node is described on its own node.
    if (own === undefined) return "unknown";
    const outcome = super.describeMember(realm, room, id, description, news);
    if (outcome === "described") {
      this.#backplane.describe(own.actor, Infinity, { ...description, news }, () => {}, true);
    }
    return outcome;
  }

  override stopRoom(realm: string, id: RoomId): boolean {
    const isKnown = super.stopRoom(realm, id);
    this.#backplane.tell("stop", [realm, id]);
    return isKnown;
  }

  override pair(handle: PeerHandle, to: PeerId): void | Promise<void> {
    const own = this.#own.get(handle);
    const caller = this.find(handle.realm, handle.id);
    if (own === undefined || caller?.handle.fence !== handle.fence) return super.pair(handle, to);
    return whenAnswered<PairAnswer>(
      (answer) => this.#backplane.pair(callerOf(own.actor, caller), to, answer),
      (outcome) => {
        // The other one called first, and an exclusive peer is in one pair only.
        const other = this.#ghosts.find({ realm: handle.realm, id: to });
        const isLate = caller.isExclusive && other?.called.has(handle.id) === true;
        const answer = outcome === "paired" && isLate ? "busy" : outcome;
        if (answer === "paired" || answer === "stale") return;
        const reason = answer === "unavailable" ? answer : `peer_${answer}` as const;
        this.#answer(handle, { type: "refused", step: "pair", peer: to, reason });
      },
    );
  }

  /** Sends. After "sent" a message that leaves this node may still come back by `undelivered`. */
  override send(
    from: PeerHandle,
    to: PeerId | PeerHandle,
    payload: unknown,
    room?: RoomId,
  ): Sent {
    // A guest of the room is no member.
    const isById = typeof to === "string" &&
      (room === undefined || this.member(from.realm, room, to)?.isInRoom === false);
    // The present holder of the id gets the words of its kin, in their order.
    const isLater = isById && (this.#calls?.mustMeet(from, to) === true ||
      room === undefined && this.elsewhere.isBehind(from, to));
    const outcome = isLater ? "unknown" : super.send(from, to, payload, room);
    if (!isById || !isLater && this.find(from.realm, to) !== undefined) return outcome;
    this.elsewhere.send(from, to, payload, room);
    return "sent";
  }

  deliver(message: SharedMessage): boolean {
    const isTaken = this.elsewhere.homes.deliver(message);
    if (isTaken !== undefined) return isTaken;
    const { realm, id, from, room, payload, fence, isCall } = message;
    const own = this.#own.get({ realm, id });
    const peer = this.find(realm, id);
    if (own === undefined || peer === undefined || !peer.receiver.link.isOpen) return false;
    if (fence !== undefined && fence !== own.actor.fence) return false;
    if (isCall === true) return this.#calls?.take(peer, from, payload) === true;
    if (room !== undefined && this.member(realm, room, id) === undefined) return false;
    if (peer.receiver.understands?.(payload) === false) return true;
    tell(peer, { type: "relay", from, room, payload });
    return true;
  }

  lost(key: PeerKey, fence: Fence, why: "replaced" | "lost"): void {
    const own = this.#own.get(key);
    const peer = this.find(key.realm, key.id);
    if (own === undefined || peer === undefined || own.actor.fence !== fence) return;
    this.#forget(own);
    endStay(peer, why);
    super.release(peer.handle, peer.receiver, why);
  }

  confirmed(key: PeerKey, fence: Fence, shared: Fence): void {
    this.#own.confirm(key, fence, shared);
  }

  wanted({ realm, id }: PeerKey): void {
    this.elsewhere.appeared(realm, id);
  }

  listed(room: RoomKey, members: readonly SharedPeer[], isMoving: boolean): void {
    this.#ghosts.listed(room, members, isMoving, ({ id }) => this.#holdsOwn({ ...room, id }));
  }

  joined(room: RoomKey, member: SharedPeer): void {
    this.#ghosts.joined(room, member);
  }
  described(key: PeerKey, fence: Fence, description: SharedDescription): void {
    this.#ghosts.described(key, fence, description);
  }

  left(key: PeerKey, fence: Fence, news: unknown): void {
    this.#ghosts.left(key, fence, news);
  }

  unlisted(key: PeerKey, fence: Fence): void {
    this.#ghosts.unlisted(key, fence);
  }

  told(topic: string, body: unknown): void {
    if (!Array.isArray(body)) return;
    const [realm = "", id = "", fence, reason] = body.map(String);
    if (topic === "stop") super.stopRoom(realm, id);
    const own = this.#own.get({ realm, id });
    if (topic !== "expel" || !isExpulsion(reason) || String(own?.actor.fence) !== fence) return;
    this.find(realm, id)?.receiver.expel(reason);
  }

  remembered(): Remembered {
    return { partners: this.#ghosts.partners(), awaited: this.elsewhere.awaited() };
  }

  severed(): void {
    const known = [...this.#own.values()].filter((own) => this.#ghosts.know(own.actor, own.rooms));
    for (const { actor } of known) {
      this.lost(actor, actor.fence, "lost");
      this.#backplane.release(actor, undefined);
    }
    this.#ghosts.clear();
  }

  /** Admits the claimant, whose id is this node's now. */
  #claimed(claim: Claim, outcome: ClaimAnswer): void {
    const { realm, id, dialect, receiver } = claim;
    if ("refused" in outcome) return refuseClaim(claim, outcome.refused);
    const actor = { realm, id, fence: outcome.fence };
    const entry = claim.room && this.#entry(claim, claim.room);
    const isHeld = this.#holdsOwn(claim);
    if (!isHeld && !receiver.link.isOpen) return this.#backplane.release(actor, undefined);
    if (!isHeld) {
      const own = this.#own.add({ actor, dialect, isGuest: false, rooms: new Set() });
      if (entry !== undefined) this.#enter(own, entry);
    }
    // This node's limits were checked before it asked.
    void super.claim({ ...claim, capacity: Infinity });
  }

  /** The reason for which this node gives no id out. */
  #objection(claim: Claim): ClaimRefusal | undefined {
    const { realm, room } = claim;
    if (this.#own.isFull(claim, this.#limits)) return "peers_full";
    if (room === undefined) return undefined;
    if (isShut(this.rulesOf(realm), claim, room)) return "credentials_missing";
    return this.#isFull(roomNameOf(this.#entry(claim, room))) ? "rooms_full" : undefined;
  }

  #entry(entering: Pick<Claim, "realm" | "dialect">, request: RoomRequest): SharedEntry {
    return entryOf(this.#limits, this.rulesOf(entering.realm), entering, request);
  }

  #isFull(room: string): boolean {
    return !this.#ghosts.hasRoom(room) && this.roomCount >= this.#limits.maxRooms;
  }

  #holdsOwn(key: PeerKey): boolean {
    return this.#own.get(key) !== undefined && this.find(key.realm, key.id) !== undefined;
  }

  /** Whether the peer of a handle is still here. */
  #is(handle: PeerHandle): boolean {
    return this.find(handle.realm, handle.id)?.handle.fence === handle.fence;
  }

  #enter(own: Own, entry: RoomKey): void {
    const name = roomNameOf(entry);
    own.rooms.add(name);
    this.#ghosts.entered(name, nameOf(own.actor));
  }

  #forget(own: Own): void {
    if (this.#own.delete(own)) this.#ghosts.forget(own.actor, own.rooms);
  }

  /** Answers a step, unless its peer has gone. A session may throw at a refusal. */
  #answer(handle: PeerHandle, event: Refused): void {
    if (this.#is(handle)) this.find(handle.realm, handle.id)?.receiver.deliver(event);
  }
}
