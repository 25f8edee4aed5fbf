import { assertEquals } from "@std/assert";
import type { Frame } from "../../../src/core/session.ts";
import type { Closing } from "../session/fake_link.ts";
import type { PartyBench, PartyClient } from "../session/bridge_parties.ts";
import { openGst, openPeerJs } from "./peers.ts";
import { WsClient } from "./ws_client.ts";

/** A Socket.IO packet within Engine.IO, and Engine.IO's own pings. */
const MESSAGE = "4";
const [PING, PONG] = ["2", "3"];

/** A client of a real server. Its frames come whenever they come. */
export class WirePartyClient implements PartyClient {
  readonly sent: Frame[] = [];
  closing: Closing | undefined = undefined;
  readonly #socket: WsClient;
  /** Its packets are those of Socket.IO. */
  readonly #isPolled: boolean;
  #read = 0;

  constructor(socket: WsClient, isSocketIo = false) {
    this.#socket = socket;
    this.#isPolled = isSocketIo;
    void socket.closed.then(({ code, reason }) => this.closing = [code, reason]);
  }

  heard(): Frame[] {
    for (const frame of this.#socket.take()) this.#take(frame);
    const fresh = this.sent.slice(this.#read);
    this.#read = this.sent.length;
    return fresh;
  }

  say(...frames: string[]): Promise<void> {
    for (const frame of frames) this.#socket.send(this.#isPolled ? MESSAGE + frame : frame);
    return Promise.resolve();
  }

  async leave(): Promise<void> {
    await this.#socket.close();
  }

  #take(frame: Frame): void {
    if (!this.#isPolled) this.sent.push(frame);
    else if (frame === PING) this.#socket.send(PONG);
    else this.sent.push(String(frame).slice(MESSAGE.length));
  }
}

/** Clients of one real server, which serves all protocols at their usual paths. */
export function partiesAt(
  wsUrl: string,
  undo: AsyncDisposableStack,
): PartyBench<WirePartyClient> {
  const open = async (path: string): Promise<WsClient> =>
    undo.use(await WsClient.open(`${wsUrl}${path}`));
  return {
    peerjs: async (id) => new WirePartyClient(undo.use(await openPeerJs(wsUrl, id))),
    gstreamer: async (uid) => new WirePartyClient(undo.use(await openGst(wsUrl, uid))),
    async ssp(pool): ReturnType<PartyBench<WirePartyClient>["ssp"]> {
      const socket = await open("/ssp");
      socket.send({ type: "rtc:join", data: { pool } });
      const joined = await socket.nextText();
      const client = new WirePartyClient(socket);
      client.sent.push(joined);
      return { client, id: JSON.parse(joined).data.client_id };
    },
    async simple(room): ReturnType<PartyBench<WirePartyClient>["simple"]> {
      const socket = await open("/simple");
      socket.send({ event: "join", room });
      const handshake = await socket.nextText();
      const client = new WirePartyClient(socket);
      client.sent.push(handshake);
      return { client, id: JSON.parse(handshake).p_id };
    },
    async owt(id): Promise<WirePartyClient> {
      const socket = await open("/socket.io/?EIO=4&transport=websocket");
      assertEquals((await socket.nextText()).slice(0, 7), '0{"sid"');
      socket.send("40");
      assertEquals((await socket.nextText()).slice(0, 2), "40");
      socket.send(`420["authentication",{"token":"${id}"}]`);
      for (let packet = ""; !packet.startsWith("430");) packet = await socket.nextText();
      return new WirePartyClient(socket, true);
    },
    async webrtcsink(...roles): ReturnType<PartyBench<WirePartyClient>["webrtcsink"]> {
      const socket = await open("/webrtcsink");
      const { peerId } = await socket.nextJson() as { peerId: string };
      socket.send({ type: "setPeerStatus", roles, meta: null, peerId });
      // The list tells that the status is known.
      socket.send({ type: "list" });
      const list = await socket.nextText();
      assertEquals(list.includes(peerId), roles.includes("producer"), list);
      return { client: new WirePartyClient(socket), id: peerId };
    },
  };
}
