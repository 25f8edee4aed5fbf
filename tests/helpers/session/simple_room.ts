import { Room, type RoomEvents } from "../../../src/dialects/simple/client/client.js";
import type { RoomOptions } from "../../../src/dialects/simple/client/client.d.ts";
import type { SimpleFrame } from "./simple.ts";
import { until } from "../wire/waiting.ts";
import { WsClient } from "../wire/ws_client.ts";

const EVENTS: readonly (keyof RoomEvents)[] = [
  "ready",
  "call",
  "change",
  "leave",
  "data",
  "bye",
  "lost",
  "error",
  "closed",
];

/**
 * The part of an RTCPeerConnection that a test sees; it connects nothing, because Deno has no such
 * class.
 */
export interface StubConnection {
  readonly candidates: readonly string[];
  readonly transceivers: readonly string[];
  readonly tracks: readonly unknown[];
  readonly channels: readonly string[];
  readonly isClosed: boolean;
  /** Finds a candidate, or two. */
  find(...candidates: readonly string[]): void;
}

/** Gives the browser's client what Deno lacks for as long as it is held. */
export function stubConnections(): { readonly made: StubConnection[] } & Disposable {
  const made: StubConnection[] = [];
  let count = 0;
  class Stub implements StubConnection {
    readonly candidates: string[] = [];
    readonly transceivers: string[] = [];
    readonly tracks: unknown[] = [];
    readonly channels: string[] = [];
    isClosed = false;
    signalingState = "stable";
    remoteDescription: unknown = null;
    localDescription: unknown = null;
    onnegotiationneeded = (): void => {};
    onicecandidate = (_event: { candidate: { candidate: string } }): void => {};

    constructor() {
      made.push(this);
    }

    createDataChannel(label: string): EventTarget {
      this.channels.push(label);
      this.#change();
      return new EventTarget();
    }

    addTransceiver(kind: string, { direction }: { direction: string }): void {
      this.transceivers.push(`${kind} ${direction}`);
      this.#change();
    }

    addTrack(track: unknown): void {
      this.tracks.push(track);
      this.#change();
    }

    getSenders(): { track: unknown }[] {
      return this.tracks.map((track) => ({ track }));
    }

    setLocalDescription(): Promise<void> {
      const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
      const sdp = `v=0 ${++count}`;
      this.localDescription = { type, sdp, toJSON: () => ({ type, sdp }) };
      this.signalingState = type === "offer" ? "have-local-offer" : "stable";
      return Promise.resolve();
    }

    setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
      if (description.sdp === "slow") return new Promise(() => {});
      this.remoteDescription = description;
      this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
      return Promise.resolve();
    }

    addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
      if (candidate === "bad") return Promise.reject(new TypeError("bad candidate"));
      this.candidates.push(candidate);
      return Promise.resolve();
    }

    close(): void {
      this.isClosed = true;
      this.signalingState = "closed";
    }

    find(...candidates: readonly string[]): void {
      for (const candidate of candidates) this.onicecandidate({ candidate: { candidate } });
    }

    /** As a browser does, once after all changes of a task. */
    #change(): void {
      queueMicrotask(() => this.signalingState === "stable" && this.onnegotiationneeded());
    }
  }
  Object.assign(globalThis, { RTCPeerConnection: Stub });
  return {
    made,
    [Symbol.dispose]: () => void Reflect.deleteProperty(globalThis, "RTCPeerConnection"),
  };
}

/** A room of the browser's client, and what has happened to it. */
export class TestRoom implements Disposable {
  readonly room: Room;
  readonly #happened: { readonly type: string; readonly detail: unknown }[] = [];

  constructor(url: string, options: RoomOptions = {}) {
    this.room = new Room("r", { url: `${url}/simple`, ...options });
    for (const type of EVENTS) {
      this.room.addEventListener(type, ({ detail }) => this.#happened.push({ type, detail }));
    }
  }

  /** The names of all events so far. */
  get types(): string[] {
    return this.#happened.map(({ type }) => type);
  }

  /** The details of all events of that name so far. */
  all<T extends keyof RoomEvents>(type: T): RoomEvents[T][] {
    // The client's own types name the details of each event.
    return this.#happened.filter((one) => one.type === type).map(({ detail }) =>
      detail
    ) as RoomEvents[T][];
  }

  async happened(type: keyof RoomEvents, count = 1): Promise<void> {
    await until(`event ${count} "${type}"`, () => this.all(type).length >= count);
  }

  get calls(): RoomEvents["call"][] {
    return [...this.room.calls.values()];
  }

  [Symbol.dispose](): void {
    this.room.leave();
  }
}

/** A client that speaks the protocol, and is not the server's own. */
export class Stranger implements AsyncDisposable {
  readonly #socket: WsClient;
  /** The credentials that make another connection an instance of the same peer. */
  readonly me: SimpleFrame;
  readonly peers: readonly SimpleFrame[];

  private constructor(socket: WsClient, me: SimpleFrame, peers: readonly SimpleFrame[]) {
    this.#socket = socket;
    this.me = me;
    this.peers = peers;
  }

  static async enter(url: string, more: SimpleFrame = {}): Promise<Stranger> {
    const socket = await WsClient.open(`${url.replace(/^http/, "ws")}/simple`);
    socket.send({ event: "join", room: "r", ...more });
    // A server's answer to a join, as its contract has it.
    const { p_id, peers } = await socket.nextJson() as { p_id: string; peers: SimpleFrame[] };
    const { p_secret } = await socket.nextJson() as SimpleFrame;
    return new Stranger(socket, { p_id, p_secret }, peers);
  }

  /** The beginning of every signal to the first peer. */
  get to(): SimpleFrame {
    return { event: "signal", peer_id: this.peers[0]?.["peer_id"] };
  }

  say(...frames: readonly SimpleFrame[]): void {
    for (const frame of frames) this.#socket.send(frame);
  }

  /** The next frame of that event. */
  async hear(event: string): Promise<SimpleFrame> {
    while (true) {
      const frame = await this.#socket.nextJson() as SimpleFrame;
      if (frame["event"] === event) return frame;
    }
  }

  /**
   * Frames until a marker has been to the server and back, without the `event`s that do not matter.
   */
  async hearAll(event: string): Promise<SimpleFrame[]> {
    this.#socket.send({ event: "ping" });
    const frames: SimpleFrame[] = [];
    while (true) {
      const frame = await this.#socket.nextJson() as SimpleFrame;
      if (frame["event"] === "pong") return frames;
      if (frame["event"] === event) frames.push(frame);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close(1000);
  }
}

/** A server with the frames that a test wants. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  /** Frames of all connections, oldest first. */
  readonly heard: readonly SimpleFrame[];
  readonly connections: () => number;
}

/** @param answer what is said to a frame, each a text */
export function startScriptedServer(
  answer: (frame: SimpleFrame) => readonly (SimpleFrame | string | null)[],
): ScriptedServer {
  const heard: SimpleFrame[] = [];
  let connections = 0;
  const open = new Set<WebSocket>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "simple" });
    connections++;
    open.add(socket);
    socket.onclose = () => open.delete(socket);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      heard.push(frame);
      for (const one of answer(frame)) {
        if (socket.readyState === WebSocket.OPEN) {
          socket.send(typeof one === "string" ? one : JSON.stringify(one));
        }
      }
    };
    return response;
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    heard,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.close();
      await until("the clients to have gone", () => open.size === 0);
      await server.shutdown();
    },
  };
}

/** The answer to a join, with one other peer in the room. */
export function welcome(more: SimpleFrame = {}): SimpleFrame[] {
  const fred = { name: "Fred", peer_id: "fred", peer_instances: [{ sdp: "" }], peer_ice: [] };
  return [
    { p_id: "me", room: "r", peers: [fred] },
    {
      event: "ready",
      p_instance: 0,
      p_secret: "s",
      recovered: false,
      seq: 0,
      ice_servers: [],
      ...more,
    },
  ];
}
