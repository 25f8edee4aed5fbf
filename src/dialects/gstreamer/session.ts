import type { Authenticator } from "../../auth/authenticator.ts";
import { Buffer } from "node:buffer";
import { SignalError } from "../../core/errors.ts";
import type { Sent } from "../../core/hub.ts";
import type { CallRole, Leg, Untaken } from "../../core/calls/signal.ts";
import type {
  PeerEvent,
  PeerHandle,
  PeerId,
  PeerSummary,
  Refused,
  Returned,
  RoomEvent,
  RoomId,
} from "../../core/events.ts";
import { type Expulsion, type LeaveReason, refusalOf } from "../../core/expulsion.ts";
import type { Departure, Frame, Link, Session } from "../../core/session.ts";
import type { DialectContext } from "../dialect.ts";
import { mayCallInto } from "../kit/callers.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import { sendRefusal } from "../kit/refusal.ts";
import { RoomLeg, SessionLeg } from "./leg.ts";
import type { Pass } from "../kit/pass.ts";
import { after, type Place, Seat } from "../kit/seat.ts";
import {
  decodeHello,
  decodeIdle,
  decodeInRoom,
  encodeError,
  encodeNews,
  encodePeerJoined,
  encodePeerLeft,
  encodeRoomOk,
  encodeRoomPeerList,
  encodeRoomPeerMsg,
  HELLO,
  type IdleCommand,
  isNameable,
  quoted,
  type RoomCommand,
  SESSION_OK,
} from "./messages.ts";
import { isWord } from "./python_text.ts";
import { UNSENT, WIRE } from "./wire.ts";

/** The parts that all sessions of the dialect share. */
export interface GStreamerServer extends Place {
  readonly authenticator: Authenticator;
  readonly news: EncodeOnce<"text">;
  readonly maxIdLength: number;
  readonly warn: DialectContext["warn"];
}

/** C clients on libsoup close the connection at a longer message, unless they raised their limit. */
const LIBSOUP_MAX_BYTES = 131_072;
/** One peer: connected, then idle, then for the rest of its connection in a session or a room (§2). */
export class GStreamerSession implements Session {
  readonly link: Link;
  readonly #server: GStreamerServer;
  /** Undefined if no token is needed. */
  readonly #pass: Pass | undefined;
  /** Empty before HELLO. */
  readonly #seat: Seat;
  #partner: PeerHandle | undefined = undefined;
  #room: RoomId | undefined = undefined;
  /** Its newest command, as it came. */
  #command: Frame = "";
  /** Members of other dialects that it found in the room, and is expected to call. Made with the first. */
  #found: Set<PeerId> | undefined = undefined;
  /** The log has a warning of a large message to this client. */
  #isWarned = false;

  constructor(link: Link, server: GStreamerServer, pass: Pass | undefined) {
    this.link = link;
    this.#server = server;
    this.#pass = pass;
    this.#seat = new Seat(server, this);
  }

  get peerId(): PeerId | undefined {
    return this.#seat.peer?.id;
  }

  get isIdentified(): boolean {
    return this.#seat.peer !== undefined;
  }

  get permits(): Pass | undefined {
    return this.#pass;
  }

  get leaveReason(): LeaveReason | undefined {
    return this.#seat.leaveReason;
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  /** The client speaks first. */
  opened(): void {}

  receive(frame: Frame): void | Promise<void> {
    const { peer } = this.#seat;
    if (peer === undefined) {
      // A token may be longer than a uid, and is bounded by those who check it.
      const maxLength = this.#pass === undefined ? this.#server.maxIdLength : Infinity;
      return this.#hello(decodeHello(frame, maxLength));
    }
    // In a session every frame is for the partner, commands and binary frames included (§4).
    if (this.#partner !== undefined) return this.#inSession(peer, this.#partner, frame);
    if (this.#room !== undefined) return this.#inRoom(peer, this.#room, decodeInRoom(frame));
    const command = decodeIdle(frame, this.#server.maxIdLength);
    if (command === undefined) return;
    this.#command = frame;
    return this.#idle(peer, command);
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the payload is what this class sent: in a session the
        // partner's frame, in a room a text.
        return this.#relay(
          event.room === undefined
            ? event.payload as Frame
            : encodeRoomPeerMsg(event.from, event.payload as string),
        );
      case "admitted":
        this.#seat.take(event.peer);
        return this.link.send(HELLO);
      case "paired":
        this.#partner = event.peer;
        // The called peer gets no message (§4).
        if (event.isCaller) this.link.send(SESSION_OK);
        return;
      case "entered":
        return this.#entered(event.room, event.members);
      case "left":
        this.#found?.delete(event.peer.id);
        return this.#tell(event);
      case "joined":
      case "described":
        return this.#tell(event);
      case "gone":
        this.#seat.leaving("left");
        return this.link.close(1000);
      // A uid belongs to its connection alone, and the dialect holds no messages.
      case "replaced":
        return this.link.close(1000);
      case "stopped":
        this.#seat.leaving("kicked");
        return this.link.close(1000);
      case "refused":
        return this.#refused(event);
      case "undelivered":
        return event.returned && this.#undelivered(event.peer, event.returned);
      case "updated":
        return;
      default:
        event satisfies never;
    }
  }

  /** Another node did not take a message. */
  #undelivered(peer: PeerId, { refusal, isUnavailable }: Returned): void {
    const dialect = this.#partner?.dialect;
    // Between peers of one dialect `gone` or `left` follows.
    const isAbsent = this.#partner?.id === peer && dialect !== this.#server.dialect;
    const reason = refusal ?? (isUnavailable ? "unavailable" : isAbsent ? "unknown" : undefined);
    if (reason !== undefined) this.refuse(this.#unsent(peer, reason));
  }

  #relay(frame: Frame): void {
    // A UTF-16 unit has at most three bytes: most frames need no counting.
    if (3 * frame.length > LIBSOUP_MAX_BYTES && !this.#isWarned) this.#warnOfSize(frame);
    this.link.send(frame);
  }

  #warnOfSize(frame: Frame): void {
    const bytes = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    if (bytes <= LIBSOUP_MAX_BYTES) return;
    this.#isWarned = true;
    const { address } = this.link;
    this.#server.warn("message too large for C clients on libsoup", { address, bytes });
  }

  expel(reason: Expulsion): void {
    this.#seat.expelled(reason);
    this.refuse(refusalOf(reason));
  }

  refuse(error: SignalError): void {
    sendRefusal(this.link, WIRE[error.code], error);
    const isAtHello = error.code === "unavailable" && !this.isIdentified;
    if (isAtHello) this.link.close(1013, "server is not available");
  }

  closed(departure: Departure): void {
    this.#seat.release(departure);
  }

  /** In a room it is called by members only, and outside one at a time (§4). */
  leg(other: PeerSummary, role: CallRole): Leg | Untaken {
    if (!isNameable(other)) return "absent";
    if (this.#room !== undefined) {
      const { hub, realm } = this.#server;
      const isMate = hub.member(realm, this.#room, other.id) !== undefined;
      const mayCall = role === "caller" || mayCallInto(this.#server, this.#room, other.id);
      return isMate && mayCall ? this.#roomLeg(this.#room, other.id) : "busy";
    }
    if (this.#partner !== undefined && this.#partner.id !== other.id) return "busy";
    return this.#sessionLeg(other.id);
  }

  #entered(room: RoomId, members: readonly PeerSummary[]): void {
    this.#room = room;
    const own = this.#server.dialect;
    for (const { id, dialect } of members) if (dialect !== own) (this.#found ??= new Set()).add(id);
    this.link.send(encodeRoomOk(idsOf(members, own)));
  }

  #tell(event: RoomEvent): void {
    for (const frame of this.#server.news.frames(event, "text", encodeNews)) {
      this.link.send(frame);
    }
  }

  #sessionLeg(other: PeerId): Leg {
    return new SessionLeg({
      write: (text) => this.#relay(text),
      engage: () => this.#engage(other),
      close: (error) => {
        if (error !== undefined) this.link.send(encodeError(error));
        this.link.close(1000);
      },
    });
  }

  #engage(other: PeerId): void {
    const { hub, realm } = this.#server;
    const { peer } = this.#seat;
    if (this.#partner !== undefined || peer === undefined) return;
    this.#partner = hub.find(realm, other)?.handle;
    hub.engage(peer, other);
  }

  #roomLeg(room: RoomId, other: PeerId): Leg {
    const restart = (): void => {
      this.#found?.delete(other);
      const { hub, realm } = this.#server;
      if (hub.member(realm, room, other) === undefined) return;
      this.link.send(encodePeerLeft(other));
      this.link.send(encodePeerJoined(other));
    };
    const write = (text: string): void => this.#relay(encodeRoomPeerMsg(other, text));
    return new RoomLeg({ write, restart }, this.#found?.has(other) === true);
  }

  /** A page with a fixed URL says its token in the place of a uid. */
  #hello(word: string): void | Promise<void> {
    const pass = this.#pass;
    if (pass === undefined) return this.#claim(word);
    return after(pass.present({ id: word, word }), () => {
      const isToken = pass.identity?.tookWord === true;
      return this.#claim(isToken ? pass.ownId ?? anonymousId() : word);
    });
  }

  #claim(id: string): void | Promise<void> {
    if (id.length > this.#server.maxIdLength || !isWord(id)) {
      throw new SignalError("id_invalid", "Peer uid is too long or has a blank");
    }
    return this.#seat.claim({ id, isExclusive: true });
  }

  #idle(peer: PeerHandle, command: IdleCommand): void | Promise<void> {
    switch (command.type) {
      case "SESSION":
        return this.#server.hub.pair(peer, command.peer);
      case "ROOM":
        this.#checkRoom(command.room);
        return this.#server.hub.join(peer, { room: command.room });
      default:
        command satisfies never;
    }
  }

  #checkRoom(room: RoomId): void {
    if (this.#pass === undefined || this.#pass.grantsRoom(room)) return;
    const words = `room ${this.#quoted(room)} is not allowed`;
    throw new SignalError("room_forbidden", words, {}, "auth_room");
  }

  /** A message for a partner that has just left is dropped: `gone` is on its way. */
  #inSession(peer: PeerHandle, partner: PeerHandle, frame: Frame): void {
    const outcome = this.#server.hub.send(peer, partner, frame);
    // Between peers of one dialect `gone` follows.
    const isEnding = outcome === "unknown" && partner.dialect === peer.dialect;
    if (outcome !== "sent" && !isEnding) throw this.#unsent(partner.id, outcome);
  }

  #inRoom(peer: PeerHandle, room: RoomId, command: RoomCommand): void {
    const { hub } = this.#server;
    switch (command.type) {
      case "ROOM_PEER_LIST":
        return this.link.send(encodeRoomPeerList(idsOf(hub.others(peer, room), peer.dialect)));
      case "ROOM_PEER_MSG": {
        const outcome = hub.send(peer, command.peer, command.text, room);
        if (outcome !== "sent") throw this.#unsent(command.peer, outcome);
        return;
      }
      default:
        command satisfies never;
    }
  }

  /** If the peer was called while its own call waited, its command is a frame for the partner (§4). */
  #refused(refused: Refused): void {
    const { peer } = this.#seat;
    if (refused.step !== "pair" || peer === undefined || this.#partner === undefined) {
      throw this.#explain(refused);
    }
    this.#inSession(peer, this.#partner, this.#command);
  }

  #explain(refused: Refused): SignalError {
    // Without a token a room stays shut, but the connection goes on.
    const code = refused.reason === "credentials_missing" ? "not_allowed" : refused.reason;
    return new SignalError(code, this.#explanation(refused));
  }

  #explanation(refused: Refused): string {
    switch (refused.reason) {
      case "id_taken":
        return "Peer uid is in use";
      case "peers_full":
        return "server is full";
      case "room_full":
        return `room ${this.#quoted(refused.room ?? "")} is full`;
      case "rooms_full":
        return `room ${this.#quoted(refused.room ?? "")} cannot be opened, too many rooms`;
      case "credentials_missing":
        return `room ${this.#quoted(refused.room ?? "")} needs a token`;
      case "peer_busy":
        return `peer ${this.#quoted(refused.peer)} busy`;
      case "peer_unknown":
        return `peer ${this.#quoted(refused.peer)} not found`;
      case "description_too_large":
        return "description is too large";
      case "unavailable":
        return "server is not available";
      default:
        return refused satisfies never;
    }
  }

  #unsent(peer: PeerId, outcome: Exclude<Sent, "sent">): SignalError {
    const [code, words] = UNSENT[outcome];
    return new SignalError(code, `peer ${this.#quoted(peer)} ${words}`);
  }

  #quoted(value: string): string {
    return quoted(value, this.#server.maxIdLength);
  }
}

function anonymousId(): string {
  return `${crypto.randomUUID().replaceAll("-", "")}@anonymous`;
}

/**
 * The ids that clients can name.
 * @param own the name of this dialect, whose peers all have such ids
 */
function idsOf(peers: readonly PeerSummary[], own: string): PeerId[] {
  const ids: PeerId[] = [];
  for (const peer of peers) if (peer.dialect === own || isNameable(peer)) ids.push(peer.id);
  return ids;
}
