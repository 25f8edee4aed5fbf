import { SignalError } from "../../core/errors.ts";
import { type Expulsion, refusalOf } from "../../core/expulsion.ts";
import type { Departure, Frame, Link, Session } from "../../core/session.ts";
import type { Pass } from "../kit/pass.ts";
import { sendRefusal } from "../kit/refusal.ts";
import { farYjs } from "./far.ts";
import {
  encode,
  type Publish,
  readCommand,
  type Shape,
  type SubscriptionChange,
} from "./messages.ts";
import type { TopicsServer } from "./server.ts";
import { type Owner, Subscription } from "./subscription.ts";
import { WIRE } from "./wire.ts";

type Yjs = Publish & { readonly shape: "yjs" };
type Trystero = Publish & { readonly shape: "trystero" };

/** One connection: it subscribes to topics in either shape, and publishes to any. */
export class TopicsSession implements Session, Owner {
  readonly link: Link;
  readonly #server: TopicsServer;
  /** Undefined if no token is needed. */
  readonly #pass: Pass | undefined;
  #isIdentified = false;
  /** By topic, in the order in which they were subscribed. */
  #yjs: Map<string, Subscription> | undefined = undefined;
  #trystero: Map<string, Subscription> | undefined = undefined;
  /** The id of Trystero's page. */
  #pageId: string | undefined = undefined;

  constructor(link: Link, server: TopicsServer, pass: Pass | undefined) {
    this.link = link;
    this.#pass = pass;
    this.#server = server;
  }

  /** The client has sent a command, of whatever kind. */
  get isIdentified(): boolean {
    return this.#isIdentified;
  }

  get permits(): Pass | undefined {
    return this.#pass;
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  /** Checks the token, unless that was done before the upgrade; then the client speaks first. */
  opened(): void | Promise<void> {
    return this.#pass?.identity === undefined ? this.#pass?.present({}) : undefined;
  }

  receive(frame: Frame): void {
    const { yjs, trystero } = this.#server.channels;
    // The commands before this one, of any page, count as carried out.
    yjs.settle();
    trystero.settle();
    const command = readCommand(frame);
    this.#isIdentified = true;
    if (this.#pass !== undefined) checkTopics(this.#pass, command);
    switch (command.type) {
      case "publish":
        return command.shape === "yjs" ? this.#publishYjs(command) : this.#publishTrystero(command);
      case "subscribe":
        return this.#subscribeAll(command);
      case "unsubscribe":
        for (const topic of command.yjs) this.#unsubscribe("yjs", topic);
        for (const topic of command.trystero) this.#unsubscribe("trystero", topic);
        return;
      case "ping":
        return this.link.send(encode({ type: "pong" }));
      default:
        command satisfies never;
    }
  }

  /** The hub has no peers of this dialect, and no events for them. */
  deliver(): void {}

  expel(reason: Expulsion): void {
    this.refuse(refusalOf(reason));
  }

  refuse(error: SignalError): void {
    if (error.code === "not_json") this.#server.counts.drop("not_json");
    sendRefusal(this.link, WIRE[error.code], error);
  }

  dropped(): void {
    this.#server.counts.drop("rate");
  }

  expelled(subscription: Subscription): void {
    const { shape, topic } = subscription;
    this.#server.held.forget(subscription);
    this.#subscriptions(shape)?.delete(topic);
  }

  closed(departure: Departure): void {
    const topics = [...this.#trystero?.keys() ?? []];
    for (const topic of [...this.#yjs?.keys() ?? []]) this.#unsubscribe("yjs", topic);
    for (const topic of topics) this.#unsubscribe("trystero", topic);
    const { lost, clock, resumeMs } = this.#server;
    if (departure === "left" || this.#pageId === undefined || resumeMs === 0) return;
    const page = { id: this.#pageId, topics, address: this.link.address };
    lost.add({ ...page, expiresAtMs: clock.now() + resumeMs });
    // The page may come back to any node.
    if (topics.length > 0) this.#server.channels.trystero.far?.tell(page);
  }

  #publishYjs(publish: Yjs): void {
    const { channels: { yjs }, counts, isBroadcast } = this.#server;
    const { topic, note } = publish;
    if (!this.#mayName(topic)) return;
    counts.published++;
    if (note?.type === "signal" && !isBroadcast) return this.#signal(publish, note.to);
    sendFar(yjs, publish);
    // A node without subscribers does not know how many there are.
    if (yjs.countHere(topic) === 0) return;
    const text = encode({ type: "yjs", publish, clients: yjs.count(topic) });
    if (note?.type === "announce" && !isBroadcast) return this.#announce(topic, note.from, text);
    yjs.publish(topic, { text, announcement: undefined }, counts.onDelivered);
  }

  /** Signals go to those who announced the id, on any node; if nobody did, to all. */
  #signal(publish: Yjs, id: string): void {
    const { channels: { yjs }, counts, held } = this.#server;
    const { topic } = publish;
    const named = yjs.far?.named(topic, id) ?? [];
    let isKnown = named.length > 0;
    if (yjs.countHere(topic) > 0) {
      const by = held.size === 0 ? undefined : this.#yjs?.get(topic);
      if (by !== undefined) held.answered(by, id);
      const text = encode({ type: "yjs", publish, clients: yjs.count(topic) });
      const publication = { text, announcement: undefined };
      const taken = yjs.publishTo(topic, id, publication);
      if (taken !== undefined) counts.delivered += taken;
      else if (!isKnown) yjs.publish(topic, publication, counts.onDelivered);
      isKnown ||= taken !== undefined;
    }
    if (named.length > 0) sendFar(yjs, publish, named);
    else if (!isKnown) sendFar(yjs, publish);
  }

  /** Announcements go to all subscribers but those that the announcer is calling already (§5). */
  #announce(topic: string, id: string, text: string): void {
    const { channels, counts, clock, held, nextSerial, announceWindowMs: windowMs } = this.#server;
    const by = this.#yjs?.get(topic);
    const atMs = clock.now();
    if (by !== undefined) {
      this.#learn(by, id);
      held.forget(by);
    }
    const announcement = by && { by, atMs, windowMs, held };
    channels.yjs.publish(topic, { text, announcement }, (taken) => {
      counts.delivered += taken;
      by?.announced(nextSerial(), atMs, windowMs);
    });
  }

  /** From now on signals to the id come here, and no longer to everybody. */
  #learn(subscription: Subscription, id: string): void {
    const { yjs } = this.#server.channels;
    const outcome = subscription.learn(id);
    if (outcome === "new") yjs.name(subscription.topic, id, subscription);
    // It keeps receiving the signals to all its ids, as it does on the original server.
    else if (outcome === "many") yjs.nameAll(subscription.topic, subscription);
  }

  #publishTrystero(publish: Trystero): void {
    const { channels: { trystero }, counts } = this.#server;
    const { topic, announces } = publish;
    if (!this.#mayName(topic)) return;
    counts.published++;
    if (announces !== undefined) {
      this.#pageId = announces;
      this.#resume(announces, topic);
    }
    if (trystero.far === undefined && trystero.count(topic) === 0) return;
    const text = encode({ type: "trystero", publish });
    trystero.far?.send(topic, text, text.length);
    trystero.publish(topic, { text, announcement: undefined }, counts.onDelivered);
  }

  /** A page whose last connection was lost gets its topics of this room back (§5). */
  #resume(id: string, topic: string): void {
    const { lost, clock, counts } = this.#server;
    if (lost.size === 0 || this.#trystero?.has(topic) === true) return;
    for (const { own } of lost.find(id, topic, clock.now())) {
      // Another page may have said its id, whose topic this one's token does not grant.
      const mayHear = own !== undefined && this.#pass?.grantsRoom(own) !== false;
      if (mayHear) this.#subscribe("trystero", own);
      if (this.#subscribe("trystero", topic)) counts.resumed++;
    }
  }

  /** Subscriptions over a limit are ignored; those before them stay. */
  #subscribeAll({ yjs, trystero }: SubscriptionChange): void {
    let refused = 0;
    for (const topic of yjs) if (!this.#subscribe("yjs", topic)) refused++;
    for (const topic of trystero) if (!this.#subscribe("trystero", topic)) refused++;
    if (refused === 0) return;
    throw new SignalError("rooms_full", `Cannot subscribe to ${refused} topics`);
  }

  #subscribe(shape: Shape, topic: string): boolean {
    const { channels, counts, nextSerial, maxSubscriptions, maxTopicLength } = this.#server;
    if (this.#subscriptions(shape)?.has(topic)) return true;
    if (topic.length > maxTopicLength) {
      counts.drop("too_long");
      return false;
    }
    const held = (this.#yjs?.size ?? 0) + (this.#trystero?.size ?? 0);
    const subscription = new Subscription(this, shape, topic, nextSerial());
    const isFull = held >= maxSubscriptions ||
      channels[shape].subscribe(topic, subscription) !== "subscribed";
    if (isFull) {
      counts.drop("too_many");
      return false;
    }
    if (shape === "yjs") (this.#yjs ??= new Map()).set(topic, subscription);
    else (this.#trystero ??= new Map()).set(topic, subscription);
    return true;
  }

  #unsubscribe(shape: Shape, topic: string): void {
    const subscriptions = this.#subscriptions(shape);
    const subscription = subscriptions?.get(topic);
    if (subscription === undefined) return;
    subscriptions?.delete(topic);
    subscription.end();
    this.#server.held.forget(subscription);
    this.#server.channels[shape].unsubscribe(topic, subscription, subscription.ids);
  }

  #subscriptions(shape: Shape): Map<string, Subscription> | undefined {
    return shape === "yjs" ? this.#yjs : this.#trystero;
  }

  #mayName(topic: string): boolean {
    if (topic.length <= this.#server.maxTopicLength) return true;
    this.#server.counts.drop("too_long");
    throw new SignalError("room_invalid", "Topic is too long");
  }
}

/** Sends to the other nodes with subscribers: to all, or to those with a receiver of a signal. */
function sendFar(
  { far }: TopicsServer["channels"]["yjs"],
  publish: Yjs,
  named?: readonly string[],
): void {
  far?.send(publish.topic, farYjs(publish, named !== undefined), publish.text.length, named);
}

/** Throws the refusal of a topic that the token does not grant. */
function checkTopics(pass: Pass, command: ReturnType<typeof readCommand>): void {
  const topics = command.type === "publish"
    ? [command.topic]
    : command.type === "subscribe"
    ? [...command.yjs, ...command.trystero]
    : [];
  if (topics.every((topic) => pass.grantsRoom(topic))) return;
  throw new SignalError("room_forbidden", "Topic is not allowed", {}, "auth_room");
}
