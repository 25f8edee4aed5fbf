import type { CallPeer } from "./call_end.ts";

/** A value for each pair of a peer of this node and one of another. */
export class PeerPairs<Value> {
  readonly #values = new Map<CallPeer, Map<CallPeer, Value>>();

  get(own: CallPeer, other: CallPeer): Value | undefined {
    return this.#values.get(own)?.get(other);
  }

  set(own: CallPeer, other: CallPeer, value: Value): void {
    let values = this.#values.get(own);
    if (values === undefined) this.#values.set(own, values = new Map());
    values.set(other, value);
  }

  delete(own: CallPeer, other: CallPeer): void {
    const values = this.#values.get(own);
    values?.delete(other);
    if (values?.size === 0) this.#values.delete(own);
  }

  countOf(own: CallPeer): number {
    return this.#values.get(own)?.size ?? 0;
  }

  /** Takes out the pairs that a peer is in, on either side. */
  takeAll(peer: CallPeer): (readonly [own: CallPeer, other: CallPeer, value: Value])[] {
    const taken: (readonly [CallPeer, CallPeer, Value])[] = [];
    for (const [own, values] of this.#values) {
      for (const [other, value] of values) {
        if (own === peer || other === peer) taken.push([own, other, value]);
      }
    }
    for (const [own, other] of taken) this.delete(own, other);
    return taken;
  }
}
