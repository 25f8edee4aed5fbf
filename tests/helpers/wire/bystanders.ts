import { assertEquals } from "@std/assert";
import { openGstSession, openPeerJs } from "./peers.ts";
import type { WsClient } from "./ws_client.ts";

/**
 * A PeerJS pair and a GStreamer pair that must not notice what others suffer. What they say to each
 * other also proves that nothing else came: every message read is the one that was sent.
 */
export class Bystanders implements AsyncDisposable {
  readonly #peerJs: readonly [WsClient, WsClient];
  readonly #gst: readonly [WsClient, WsClient];
  #said = 0;

  private constructor(peerJs: readonly [WsClient, WsClient], gst: readonly [WsClient, WsClient]) {
    this.#peerJs = peerJs;
    this.#gst = gst;
  }

  static async join(wsUrl: string): Promise<Bystanders> {
    const left = await openPeerJs(wsUrl, "bystander-left");
    const right = await openPeerJs(wsUrl, "bystander-right");
    const gst = await openGstSession(wsUrl, ["bystander-caller", "bystander-callee"]);
    return new Bystanders([left, right], gst);
  }

  /** Fails unless both pairs talk, both ways, and hear nothing else. */
  async talk(): Promise<void> {
    const text = `word ${++this.#said}`;
    const [left, right] = this.#peerJs;
    left.send({ type: "OFFER", dst: "bystander-right", payload: text });
    assertEquals(await right.nextJson(), {
      type: "OFFER",
      src: "bystander-left",
      dst: "bystander-right",
      payload: text,
    });
    right.send({ type: "ANSWER", dst: "bystander-left", payload: text });
    assertEquals(await left.nextJson(), {
      type: "ANSWER",
      src: "bystander-right",
      dst: "bystander-left",
      payload: text,
    });
    const [caller, callee] = this.#gst;
    caller.send(text);
    assertEquals(await callee.next(), text);
    callee.send(text);
    assertEquals(await caller.next(), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [...this.#peerJs, ...this.#gst]) await client[Symbol.asyncDispose]();
  }
}
