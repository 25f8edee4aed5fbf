import { assert, assertEquals } from "@std/assert";
import type { SspEvent } from "./ssp.ts";

/** How a member learned of another one: RTCPool derives from it who is polite. */
export type Source = "joined" | "announced";

/** What only one version of the protocol says to clients. */
const WORDS = {
  v1: new Set(["rtc:request_offers", "rtc:offer", "rtc:answer"]),
  v2: new Set(["rtc:peer", "rtc:sdp"]),
};

/**
 * A client's memory, which checks each event against all that came before, as section 4 of
 * protocols/ssp.md demands: it throws at the first one that a real client would stumble over. What
 * members say to each other has to carry `n`, counted from 1 for each sender and receiver.
 */
export class SspWitness {
  readonly #version: "v1" | "v2";
  /** Those who are here, in the order in which this one learned of them. */
  readonly known = new Map<string, Source>();
  /** Everybody it ever knew. */
  readonly everKnown = new Map<string, Source>();
  /** The last `n` that each of them said to this one. */
  readonly lastHeard = new Map<string, number>();
  id: string | undefined = undefined;
  /** A word of the other version is a fault; where the server cannot know it yet, it is ignored. */
  isTold = true;

  constructor(version: "v1" | "v2") {
    this.#version = version;
  }

  take(event: SspEvent): void {
    const { type, data } = event;
    if (WORDS[this.#version === "v1" ? "v2" : "v1"].has(type)) {
      assert(!this.isTold, `${this.#version} was told ${type}`);
      return;
    }
    assertEquals(this.id === undefined, type === "rtc:joined", `${type} out of order`);
    switch (type) {
      case "rtc:joined":
        this.id = String(data["client_id"]);
        for (const peer of data["peers"] as string[]) this.#learn(peer, "joined");
        return;
      case "rtc:peer":
        return this.#learn(String(data["id"]), "announced");
      case "rtc:request_offers":
        return this.#learn(String(data["for"]), "announced");
      case "rtc:sdp":
        return this.#hear(String(data["peer"]), data["description"], true);
      case "rtc:offer":
        return this.#hear(String(data["for"]), data["offer"], true);
      case "rtc:answer":
        return this.#hear(String(data["for"]), data["answer"], true);
      case "rtc:candidate":
        return this.#hear(String(data["from"]), data["candidate"], false);
      case "rtc:describe":
        assert(this.known.has(String(data["uid"])), "a description of somebody unknown");
        return;
      case "rtc:close":
        assert(this.known.delete(String(data["uid"])), "the departure of somebody unknown");
        return;
      case "rtc:error":
        // What was said to somebody while the news of its departure was on its way.
        return assertEquals(data["reason"], "unknown-peer");
      default:
        throw new Error(`Nobody expected ${JSON.stringify(event)}`);
    }
  }

  #learn(peer: string, source: Source): void {
    assert(peer !== this.id, "it was told of itself");
    assert(!this.everKnown.has(peer), `it was told twice of ${peer}`);
    this.known.set(peer, source);
    this.everKnown.set(peer, source);
  }

  #hear(peer: string, said: unknown, isDescription: boolean): void {
    assert(this.known.has(peer), `a word of ${peer}, who is not here`);
    // What the tests' members say is of this shape.
    const { n } = said as { n: number };
    const last = this.lastHeard.get(peer) ?? 0;
    assertEquals(n, last + 1, `the words of ${peer} are out of order`);
    assert(last > 0 || isDescription, "a candidate overtook the description");
    this.lastHeard.set(peer, n);
  }
}
