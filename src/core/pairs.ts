import type { OpenCalls } from "./calls/open_calls.ts";
import type { Peer } from "./peer.ts";

/**
 * Notes at either peer that the two are in a call of their own. Peers that are not exclusive may be in
 * any number of calls, which their dialect counts.
 */
export function pairUp(peer: Peer, other: Peer, openCalls: OpenCalls): void {
  const { dialect, handle: from } = peer;
  const isCall = peer.isExclusive || other.isExclusive;
  const isElsewhere = peer.receiver.isElsewhere === true;
  const call = isCall
    ? openCalls.start({ dialect, from, to: other.handle, isElsewhere })
    : undefined;
  (peer.paired ??= new Map()).set(other, call);
  (other.paired ??= new Map()).set(peer, call);
}

/** Ends the calls of a peer, each before the next, and yields its partners. */
export function* part(peer: Peer, openCalls: OpenCalls): Generator<Peer> {
  const pairs = peer.paired;
  peer.paired = undefined;
  for (const [other, call] of pairs ?? []) {
    other.paired?.delete(peer);
    if (call !== undefined) openCalls.end(call);
    yield other;
  }
}
