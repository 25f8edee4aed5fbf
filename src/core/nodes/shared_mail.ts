import type { Sent } from "../calls/abroad.ts";
import type { Awaited, Backplane, PassAnswer, PeerKey, RoomKey } from "./backplane.ts";
import type { Correspondent, Elsewhere } from "./elsewhere.ts";
import type { PeerHandle, PeerId, RoomId } from "../events.ts";
import type { Addressee, RelayEvent } from "./ghost.ts";
import type { Ghosts } from "./ghosts.ts";
import type { GuestList } from "./guest_list.ts";
import type { ReservationTerms } from "../kept.ts";
import { type Claim, type PresentPeer, tell } from "../peer.ts";
import type { Moves } from "./moves.ts";
import { sentOf, type SharedCalls } from "./shared_calls.ts";
import { append } from "./shared_steps.ts";

/** A message, and who takes its outcome. */
interface Letter {
  readonly payload: unknown;
  readonly room: RoomId | undefined;
  readonly saidAt: number;
  readonly answer: (sent: Sent, firstNumber?: number) => void;
}

interface MailParts {
  readonly backplane: Backplane;
  readonly calls: SharedCalls | undefined;
  readonly ghosts: Ghosts;
  readonly guests: GuestList;
  readonly find: (realm: string, id: PeerId) => PresentPeer | undefined;
  readonly homes: Moves;
}

/** The sender of a message, which may have left. */
export type MessageSender = PeerKey & { readonly dialect: string };

const SENT: Readonly<Record<PassAnswer, Sent>> = {
  taken: "sent",
  absent: "unknown",
  gone: "unknown",
  unavailable: "unavailable",
  foreign: "untranslatable",
};

/** The messages of this node's peers for peers of other nodes. */
export class SharedMail implements Elsewhere {
  readonly homes: Moves;
  readonly #backplane: Backplane;
  readonly #calls: SharedCalls | undefined;
  readonly #ghosts: Ghosts;
  readonly #guests: GuestList;
  readonly #find: (realm: string, id: PeerId) => PresentPeer | undefined;
  readonly #terms = new Map<string, (claim: Claim) => ReservationTerms>();
  readonly #correspondents = new Map<string, Correspondent[]>();

  constructor({ backplane, calls, ghosts, guests, find, homes }: MailParts) {
    this.homes = homes;
    this.#backplane = backplane;
    this.#calls = calls;
    this.#ghosts = ghosts;
    this.#guests = guests;
    this.#find = find;
  }

  get changes(): number {
    return this.#ghosts.changes;
  }

  follow(room: RoomKey): void {
    this.#ghosts.follow(room);
    this.#backplane.follow(room);
  }

  followGuests(realm: string): void {
    this.#guests.follow(realm);
  }

  /**
   * Sends to an id that this node does not hold; a message that nobody took comes back.
   * @param room that the sender is in, where the receiver is a guest in it
   */
  send(from: MessageSender, to: PeerId, payload: unknown, room?: RoomId): void {
    this.#send(from, to, this.#returning(from, to, payload, room), false);
  }

  sendAgain(
    from: MessageSender,
    to: PeerId,
    payload: unknown,
    firstNumber: number | undefined,
  ): void {
    this.#send(from, to, this.#returning(from, to, payload), false, firstNumber);
  }

  call(
    from: MessageSender,
    to: PeerId,
    payload: unknown,
    answer: (sent: Sent) => void,
    room?: RoomId,
  ): void {
    if (this.#calls === undefined) return answer("unknown");
    this.#calls.begin(from, to, waitingFor(this.#letter(payload, answer, room)));
  }

  isBehind(from: PeerHandle, to: PeerId): boolean {
    if (this.#ghosts.isKin(from, to)) return true;
    const key = { realm: from.realm, id: to };
    if (!this.#backplane.isSending(key)) return false;
    const other = this.#find(key.realm, to);
    if (other !== undefined && other.dialect !== from.dialect) return this.#isComingBack(from, to);
    // It may have come to this node while they were sent.
    return other !== undefined && other.receiver.isElsewhere !== true;
  }

  /** The same; resolves when the outcome is certain. */
  pass(
    from: MessageSender,
    to: PeerId,
    payload: unknown,
    firstNumber?: number,
  ): Promise<Sent> {
    const { promise, resolve } = Promise.withResolvers<Sent>();
    this.#send(from, to, this.#letter(payload, (sent) => resolve(sent)), true, firstNumber);
    return promise;
  }

  reserve(realm: string, terms: (claim: Claim) => ReservationTerms): void {
    this.#terms.set(realm, terms);
  }

  /** The terms of a claim; undefined where no dialect of the realm reserves ids. */
  termsOf(claim: Claim): ReservationTerms | undefined {
    return this.#terms.get(claim.realm)?.(claim);
  }

  unreserve(dialect: string, id: string): Promise<boolean> {
    return this.#backplane.unreserve(dialect, id);
  }

  correspond(realm: string, correspondent: Correspondent): void {
    append(this.#correspondents, realm, correspondent);
  }

  want(awaited: Awaited): void {
    this.#backplane.want(awaited);
  }

  /** The absent ids that messages wait for here. */
  *awaited(): Generator<Awaited> {
    for (const [realm, correspondents] of this.#correspondents) {
      for (const one of correspondents) {
        const { dialect, lifetimeMs } = one;
        for (const id of one.awaited()) yield { realm, id, dialect, lifetimeMs };
      }
    }
  }

  /** An id has appeared for which messages of this node wait. */
  appeared(realm: string, id: PeerId): void {
    for (const correspondent of this.#correspondentsOf(realm)) correspondent.appeared(id);
  }

  ids(realm: string, dialect: string): Promise<PeerId[]> {
    return this.#backplane.ids(realm, dialect, this.#calls !== undefined);
  }

  /** Sends a message for a ghost on to its node. */
  passGhost({ realm, id, fence, dialect }: Addressee, { from, room, payload }: RelayEvent): void {
    const message = { realm, id, from, dialect, room, payload, fence };
    this.#backplane.send(message, false, (passed, firstNumber) => {
      this.returned({ realm, id: from }, id, payload, SENT[passed], firstNumber);
    });
  }

  /** Gives a message that nobody took back to its sender. */
  returned(
    { realm, id }: PeerKey,
    peer: PeerId,
    payload: unknown,
    outcome: Sent,
    firstNumber?: number,
  ): void {
    const sender = this.#find(realm, id);
    if (outcome === "sent" || sender === undefined) return;
    const isUnavailable = outcome === "unavailable";
    const isKnown = outcome === "unknown" || isUnavailable;
    const refusal = isKnown ? {} : { refusal: outcome };
    const returned = { payload, isUnavailable, firstNumber, ...refusal };
    tell(sender, { type: "undelivered", peer, returned });
  }

  #correspondentsOf(realm: string): readonly Correspondent[] {
    return this.#correspondents.get(realm) ?? [];
  }

  #send(
    from: MessageSender,
    to: PeerId,
    letter: Letter,
    isConfirmed: boolean,
    firstNumber?: number,
  ): void {
    const calls = this.#calls;
    const { payload, answer } = letter;
    const other = this.#find(from.realm, to);
    const isForeign = other !== undefined && other.dialect !== from.dialect;
    if (calls !== undefined && !(isForeign && this.#isComingBack(from, to))) {
      if (calls.mustMeet(from, to)) return this.#meet(from, to, letter);
      if (isForeign && other.receiver.isElsewhere === true) {
        return calls.pass(from, to, { ...letter, answer: (outcome) => answer(sentOf(outcome)) });
      }
    }
    const { realm, id, dialect } = from;
    const address = { realm, id: to, from: id, dialect, room: undefined, fence: undefined };
    const message = { ...address, payload, firstNumber };
    this.#backplane.send(message, isConfirmed, (passed, number) => {
      if (passed === "foreign") this.#meet(from, to, letter);
      else answer(SENT[passed], number);
    });
  }

  /**
   * Whether messages to a peer of another dialect, which was not known here when they were said, are on
   * their way by the engine. They come back, and so does a later one behind them.
   */
  #isComingBack(from: MessageSender, to: PeerId): boolean {
    return this.#backplane.isSending({ realm: from.realm, id: to }, from.id);
  }

  /** A message that comes back to its sender, or to the dialect of one that has left. */
  #returning(from: MessageSender, to: PeerId, payload: unknown, room?: RoomId): Letter {
    const answer: Letter["answer"] = (sent, firstNumber) => {
      const hasLeft = this.#find(from.realm, from.id) === undefined;
      if (!hasLeft || sent !== "unknown") {
        return this.returned(from, to, payload, sent, firstNumber);
      }
      for (const { dialect, returned } of this.#correspondentsOf(from.realm)) {
        if (dialect === from.dialect) returned(from.id, to, payload, firstNumber);
      }
    };
    return this.#letter(payload, answer, room);
  }

  #letter(payload: unknown, answer: Letter["answer"], room?: RoomId): Letter {
    return { payload, room, saidAt: this.#calls?.next() ?? 0, answer };
  }

  #meet(from: MessageSender, to: PeerId, letter: Letter): void {
    if (this.#calls === undefined) return letter.answer("untranslatable");
    this.#calls.meet(from, to, waitingFor(letter));
  }
}

function waitingFor({ answer, ...letter }: Letter): Parameters<SharedCalls["meet"]>[2] {
  return {
    ...letter,
    // Another peer has taken the id meanwhile: a second try would be another message.
    answer: (outcome) => answer(outcome === "kin" ? "unknown" : sentOf(outcome)),
  };
}
