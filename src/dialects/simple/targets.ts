import { SignalError } from "../../core/errors.ts";
import type { Instance } from "./instance.ts";
import type { Receipt, Signal } from "./messages.ts";

/** A peer's instances by number; undefined for a free number. */
type Instances = readonly (Instance | undefined)[];

/** The instances that a signal is for: the one that it names, or all but its sender. */
export function targetsOf(instances: Instances, signal: Signal): Instance[] {
  const { frame: { peer_instance: number }, peer_id, peer_instance } = signal;
  const targets: Instance[] = [];
  for (const target of number === undefined ? instances : [instances[number]]) {
    const isSender = target?.number === peer_instance && target.peer.id === peer_id;
    if (target !== undefined && !isSender) targets.push(target);
  }
  return targets;
}

/** Counts the instances that a signal reaches; throws if it cannot reach all of them. */
export function receiptOf(targets: readonly Instance[], signal: Signal): Receipt {
  let [delivered, queued] = [0, 0];
  for (const target of targets) {
    if (target.isConnected) delivered++;
    else if (target.log.hasRoomFor(signal)) queued++;
    else throw new SignalError("queue_full", "too much waits for the peer, which is away");
  }
  if (targets.length > 0) return { delivered, queued };
  throw new SignalError("instance_unknown", "the peer has no such instance");
}
