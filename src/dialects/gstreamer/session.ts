import { SignalError } from "../../core/errors.ts";
import type { Hub } from "../../core/hub.ts";
import type {
  Frame,
  Link,
  PeerEvent,
  PeerHandle,
  PeerId,
  PeerSummary,
  RoomId,
  Session,
} from "../../core/types.ts";
import type { EncodeOnce } from "../kit/encode_once.ts";
import { type Refusal, sendRefusal, wordRefusals } from "../kit/refusal.ts";
import {
  decodeHello,
  decodeIdle,
  decodeInRoom,
  encodeError,
  encodeNews,
  encodeRoomOk,
  encodeRoomPeerList,
  encodeRoomPeerMsg,
  HELLO,
  type IdleCommand,
  quoted,
  type RoomCommand,
  SESSION_OK,
} from "./messages.ts";

/** What all sessions of the dialect share. */
export interface GStreamerServer {
  readonly hub: Hub;
  readonly realm: string;
  readonly news: EncodeOnce<"gstreamer">;
  readonly maxIdLength: number;
}

const errorLine = { frame: (error: SignalError) => encodeError(error.message) };
const INVALID_PROTOCOL = { close: [1002, "invalid protocol"] } as const;
const INVALID_UID = { close: [1002, "invalid peer uid"] } as const;

/** The text protocol's answer to each refusal (§3 to §6). */
const WIRE = wordRefusals<Refusal>({
  frame: errorLine,
  rate: errorLine,
  identity: INVALID_UID,
  peer: errorLine,
  room: errorLine,
  capacity: errorLine,
  description: errorLine,
  policy: errorLine,
  door: errorLine,
  fault: errorLine,
}, {
  bad_greeting: INVALID_PROTOCOL,
  credentials_missing: INVALID_PROTOCOL,
  credentials_wrong: INVALID_PROTOCOL,
  not_identified: { close: [1002, "no HELLO in time"] },
  peers_full: { ...errorLine, close: [1013, "server is full"] },
  frame_too_large: { close: [1009, "message too big"] },
  flooding: { close: [1008, "too many messages"] },
});

/** One peer: connected, then idle, then for the rest of its connection in a session or a room (§2). */
export class GStreamerSession implements Session {
  readonly link: Link;
  readonly #server: GStreamerServer;
  /** Undefined before HELLO. */
  #peer: PeerHandle | undefined = undefined;
  #partner: PeerHandle | undefined = undefined;
  #room: RoomId | undefined = undefined;

  constructor(link: Link, server: GStreamerServer) {
    this.link = link;
    this.#server = server;
  }

  get peerId(): PeerId | undefined {
    return this.#peer?.id;
  }

  get isIdentified(): boolean {
    return this.#peer !== undefined;
  }

  /** The client speaks first. */
  opened(): void {}

  receive(frame: Frame): void | Promise<void> {
    const peer = this.#peer;
    if (peer === undefined) return this.#hello(decodeHello(frame, this.#server.maxIdLength));
    // In a session everything is the partner's, commands and binary frames included (§4).
    if (this.#partner !== undefined) {
      this.#server.hub.send(peer, this.#partner, frame);
    } else if (this.#room !== undefined) {
      this.#inRoom(peer, this.#room, decodeInRoom(frame));
    } else {
      const command = decodeIdle(frame, this.#server.maxIdLength);
      if (command !== undefined) this.#idle(peer, command);
    }
  }

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "relay":
        // Between peers of one dialect the hub passes on what this class handed it: in a session
        // the partner's frame, in a room a text.
        return this.link.send(
          event.room === undefined
            ? event.payload as Frame
            : encodeRoomPeerMsg(event.from, event.payload as string),
        );
      case "admitted":
        this.#peer = event.peer;
        return this.link.send(HELLO);
      case "paired":
        this.#partner = event.peer;
        // The one who was called is told nothing (§4).
        if (event.isCaller) this.link.send(SESSION_OK);
        return;
      case "entered":
        this.#room = event.room;
        return this.link.send(encodeRoomOk(idsOf(event.members)));
      case "joined":
      case "left":
      case "described":
        for (const frame of this.#server.news.frames(event, "gstreamer", encodeNews)) {
          this.link.send(frame);
        }
        return;
      case "gone":
        return this.link.close(1000);
      // A uid is its connection's alone, and nothing is held for a peer that is not here.
      case "replaced":
        return this.link.close(1000);
      case "stopped":
        return this.link.close(1000);
      case "undelivered":
        return;
      default:
        event satisfies never;
    }
  }

  refuse(error: SignalError): void {
    sendRefusal(this.link, WIRE[error.code], error);
  }

  closed(): void {
    if (this.#peer !== undefined) this.#server.hub.release(this.#peer, this);
  }

  async #hello(uid: string): Promise<void> {
    const { hub, realm } = this.#server;
    const outcome = await hub.claim({
      realm,
      id: uid,
      dialect: "gstreamer",
      receiver: this,
      isExclusive: true,
    });
    if (outcome === "taken") throw new SignalError("id_taken", "Peer uid is in use");
    if (outcome === "full") throw new SignalError("peers_full", "server is full");
  }

  #idle(peer: PeerHandle, command: IdleCommand): void {
    switch (command.type) {
      case "SESSION":
        return this.#call(peer, command.peer);
      case "ROOM":
        return this.#join(peer, command.room);
      default:
        command satisfies never;
    }
  }

  #call(peer: PeerHandle, callee: PeerId): void {
    const outcome = this.#server.hub.pair(peer, callee);
    if (outcome === "paired") return;
    const who = `peer ${quoted(callee, this.#server.maxIdLength)}`;
    if (outcome === "busy") throw new SignalError("peer_busy", `${who} busy`);
    throw new SignalError("peer_unknown", `${who} not found`);
  }

  #join(peer: PeerHandle, room: RoomId): void {
    const outcome = this.#server.hub.join(peer, room);
    if (outcome === "entered") return;
    const which = `room ${quoted(room, this.#server.maxIdLength)}`;
    if (outcome === "room_full") throw new SignalError("room_full", `${which} is full`);
    throw new SignalError("rooms_full", `${which} cannot be opened, too many rooms`);
  }

  #inRoom(peer: PeerHandle, room: RoomId, command: RoomCommand): void {
    switch (command.type) {
      case "ROOM_PEER_LIST":
        return this.link.send(encodeRoomPeerList(idsOf(this.#server.hub.others(peer, room))));
      case "ROOM_PEER_MSG": {
        const outcome = this.#server.hub.send(peer, command.peer, command.text, room);
        if (outcome === "sent" || outcome === "untranslatable") return;
        const who = `peer ${quoted(command.peer, this.#server.maxIdLength)}`;
        if (outcome === "unknown") throw new SignalError("peer_unknown", `${who} not found`);
        throw new SignalError("peer_elsewhere", `${who} is not in the room`);
      }
      default:
        command satisfies never;
    }
  }
}

function idsOf(peers: readonly PeerSummary[]): PeerId[] {
  return peers.map(({ id }) => id);
}
