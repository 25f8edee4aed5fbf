import type { Instance } from "./instance.ts";
import type { Receipt, SentSignal } from "./messages.ts";
import type { Settled } from "./settled.ts";
import { isPost } from "./posts.ts";

/** A peer's instances by number; undefined for a free number. */
type Instances = readonly (Instance | undefined)[];

/** The receipt for a peer of another dialect: it is one client, which sends none. */
export const ONE: Receipt = { delivered: 1, queued: 0 };

/** The instances that a signal is for: the one that it names, or all but its sender. */
export function targetsOf(instances: Instances, signal: SentSignal): Instance[] {
  const { frame: { peer_instance: number }, peer_id, peer_instance } = signal;
  const targets: Instance[] = [];
  for (const target of number === undefined ? instances : [instances[number]]) {
    const isSender = target?.number === peer_instance && target.peer.id === peer_id;
    if (target !== undefined && !isSender) targets.push(target);
  }
  return targets;
}

/** Counts the instances that a signal is about to reach: all of them, or none. */
export function outcomeFor(targets: readonly Instance[], signal: SentSignal): Settled["outcome"] {
  let [delivered, queued] = [0, 0];
  for (const target of targets) {
    if (target.isConnected) delivered++;
    else if (target.log.hasRoomFor(signal)) queued++;
    else return { refused: "queue_full" };
  }
  return targets.length > 0 ? { delivered, queued } : { refused: "instance_unknown" };
}

/** True if the sender waits for a receipt also of a signal that is taken. */
export function isAwaited({ via, frame }: SentSignal): boolean {
  return via !== undefined && (frame.ref !== undefined || isPost(via));
}

/** The receipt of a signal. */
export function settledOf(
  { peer_instance: instance, via, ticket, frame: { ref } }: SentSignal,
  outcome: Settled["outcome"],
): Settled {
  return { instance, via, ticket, ref, outcome };
}

/** A peer's instances by number. */
export function slotsOf(instances: readonly Instance[]): Instances {
  const slots: (Instance | undefined)[] = [];
  for (const instance of instances) slots[instance.number] = instance;
  return slots;
}
