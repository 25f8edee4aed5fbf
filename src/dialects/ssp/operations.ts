import { Buffer } from "node:buffer";
import type { Hub, RoomReport } from "../../core/hub.ts";
import type { RoomOperations } from "../dialect.ts";

/** What an operator may do with pools (§9.7). */
export class PoolOperations implements RoomOperations {
  readonly #hub: Hub;
  readonly #realm: string;
  readonly #maxDescriptionBytes: number;

  constructor(hub: Hub, realm: string, maxDescriptionBytes: number) {
    this.#hub = hub;
    this.#realm = realm;
    this.#maxDescriptionBytes = maxDescriptionBytes;
  }

  list(): RoomReport[] {
    return this.#hub.rooms(this.#realm);
  }

  describe(pool: string, id: string, description: unknown): "described" | "unknown" | "too_large" {
    const member = this.#hub.member(this.#realm, pool, id);
    if (member === undefined) return "unknown";
    const bytes = description === null ? 0 : Buffer.byteLength(JSON.stringify(description));
    if (bytes > this.#maxDescriptionBytes) return "too_large";
    return this.#hub.describe(member, description, bytes);
  }

  stop(pool: string): boolean {
    return this.#hub.stopRoom(this.#realm, pool);
  }
}
