// @ts-self-types="./client.d.ts"
import { makeCall } from "./call.js";

const HERE = new URL(".", import.meta.url).href.slice(0, -1);
/** The pace of frames, 90 a second, and how much may be made up for after a silence: 300 frames. */
const [GAP_MS, ARREARS_MS] = [11, 3_300];
/** How long others may take to come back to a server that was restarted. */
const GRACE_MS = 20_000;
/** Acts at once; the promise rejects with what that throws. */
const attempt = (act) => new Promise((resolve) => resolve(act()));
/** A client of Simple Signalling for browsers. What it offers to a page is in client.d.ts. */
export class Room extends EventTarget {
  calls = new Map();
  #join; // what to join, as whom, and how to prove it
  #options;
  #socket;
  #live; // the same socket, once the room is joined over it
  #handshake;
  #seq = 0;
  #unconfirmed = new Map(); // frames by ref
  #refs = 0;
  #failures = 0;
  #times = { heard: 0, asked: 0, mayTalk: 0, retry: 0, graceEnds: Infinity };
  #end = new AbortController();

  constructor(name, { url = HERE, peer, token, ...options } = {}) {
    super();
    this.#options = { channel: "data", pingMs: 10_000, maxWaiting: 1_000, ...options, url };
    this.#join = { event: "join", ref: "join", room: name, peer, token };
    this.stream = options.stream;
    for (const type of ["online", "visibilitychange"]) {
      globalThis.addEventListener(type, () => this.#tick(true), this.#end);
    }
    const ticking = setInterval(() => this.#tick(false), 100);
    this.#end.signal.onabort = () => clearInterval(ticking);
    this.#connect();
  }

  tell = (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail }));
  fail = (code, error) => this.tell("error", { code, message: `${error}` });
  change = (peer) => this.post({ event: "change", peer: { ...peer } });
  send(data) {
    const open = [...this.calls.values()].filter(({ channel }) => channel?.readyState === "open");
    for (const { channel, fail } of open) attempt(() => channel.send(data)).catch(fail);
  }

  leave(reason = "left", code = 1000) {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    for (const { dueAt, text } of this.#unconfirmed.values()) if (!dueAt) this.#live?.send(text);
    this.#drop(1000);
    this.#part(() => true, "left");
    this.tell("closed", { code, reason });
  }

  /** Says something until the server confirms it; `call` is what it belongs to. */
  post(frame, call) {
    let entry = [...this.#unconfirmed.values()].findLast((one) => one.call === call);
    if (entry?.dueAt === 0 && entry.frame.peer_ice && frame.peer_ice) {
      entry.frame.peer_ice.push(...frame.peer_ice);
    } else if (
      !frame.sdp && !frame.peer_ice && this.#unconfirmed.size >= this.#options.maxWaiting
    ) {
      return this.fail("queue_full", "too much waits to be said");
    } else entry = { frame, call, ref: ++this.#refs, dueAt: 0, retryMs: 250 };
    entry.text = JSON.stringify({ ...entry.frame, ref: entry.ref });
    this.#unconfirmed.set(entry.ref, entry);
    this.#pump();
  }

  forget(isMeant) {
    for (const [ref, one] of this.#unconfirmed) if (isMeant(one)) this.#unconfirmed.delete(ref);
  }

  /** Says what may be said now; of a call one at a time, so that none overtakes another. */
  #pump() {
    const [now, busy] = [performance.now(), new Set()];
    for (const entry of this.#live ? this.#unconfirmed.values() : []) {
      const mayTalk = !busy.has(entry.call) && entry.call?.isHere !== false;
      busy.add(entry.call);
      if (!mayTalk || Math.max(entry.dueAt, this.#times.mayTalk) > now) continue;
      this.#times.mayTalk = Math.max(this.#times.mayTalk, now - ARREARS_MS) + GAP_MS;
      // A server does not answer all that it drops: what stays unanswered is said again.
      entry.dueAt = now + this.#options.pingMs;
      this.#live.send(entry.text);
    }
  }

  #tick(isUrgent) {
    const now = performance.now();
    const { heard, asked, retry, graceEnds } = this.#times;
    const { pingMs } = this.#options;
    if (!this.#socket) return now > retry && this.#connect();
    if (this.#live && now > graceEnds) this.#part(({ isHere }) => !isHere, "lost");
    // Gives up only a connection that owes an answer: late timers are no silence of the server.
    if (asked > heard && now - asked > pingMs) return this.#lost(3000);
    if (this.#live && asked <= heard && (isUrgent || now - heard > pingMs)) {
      this.#times.asked = now;
      this.#live.send('{"event":"ping"}');
    }
    this.#pump();
  }

  #connect() {
    this.#times.asked = performance.now();
    const socket = this.#socket = new WebSocket(this.#options.url.replace(/^http/, "ws"), "simple");
    const broken = (error) => this.#refused({ code: "bad_server", message: error });
    const on = (type, act) =>
      socket.addEventListener(type, (event) => socket === this.#socket && act(event));
    on("open", () => socket.send(JSON.stringify({ ...this.#join, seq: this.#seq })));
    on("message", ({ data }) => attempt(() => this.#handle(JSON.parse(data))).catch(broken));
    on("close", ({ code, reason }) => this.#lost(code, reason));
  }

  #drop(code) {
    this.#socket?.close(code);
    this.#socket = this.#live = this.#handshake = undefined;
  }

  /** Comes back, unless it has left, was taken over or removed; after a restart not in a rush. */
  #lost(code, reason, retryMs = 0) {
    if ([1000, 4001, 4003].includes(code)) return this.leave(reason, code);
    // To the server a close with any code but 1000 is a loss, and the instance is held.
    this.#drop(3000);
    const backoffMs = Math.max(retryMs, Math.min(10_000, 250 * 2 ** this.#failures++));
    this.#times.retry = performance.now() + (code === 1012 ? 5_000 * Math.random() : backoffMs);
    this.tell("lost", { code });
  }

  #handle(frame) {
    const { event, peer, peer_id, peer_instance, peer_instances, ref, reason } = frame;
    const entry = this.#unconfirmed.get(ref);
    this.#times.heard = performance.now();
    if (event === undefined) this.#handshake = frame;
    else if (event === "ready") this.#ready(this.#handshake, frame);
    else if (event === "join") this.#meet(peer, peer_instance, false);
    else if (event === "change") this.#update({ ...peer, peer_id }, true);
    else if (event === "error") this.#refused(frame, entry);
    else if (event === "signal") this.calls.get(`${peer_id}/${peer_instance}`)?.receive(frame);
    else if (event === "leave") {
      const isGone = (number) => number === peer_instance || number >= peer_instances.length;
      this.#part(({ id, instance }) => id === peer_id && isGone(instance), reason);
    } else if (event === "ok") {
      this.#unconfirmed.delete(ref);
      this.#join.peer = { ...this.#join.peer, ...entry?.frame.peer };
      this.#pump();
    }
    this.#seq = frame.seq ?? this.#seq;
  }

  #ready({ p_id, peers }, { p_instance, p_secret, recovered: isBack, ice_servers }) {
    const isSame = p_id === this.id && p_instance === this.instance;
    Object.assign(this.#join, { p_id, p_secret, p_instance });
    Object.assign(this, { id: p_id, instance: p_instance });
    this.configuration = { iceServers: ice_servers, ...this.#options.rtc };
    const counts = new Map(peers.map((peer) => [peer.peer_id, peer.peer_instances.length]));
    const isThere = ({ id, instance, isHere }) => !isHere || instance < counts.get(id);
    // Signals are missing, or the server was restarted: calls go on if the others know them too.
    this.#part((call) => !(isBack ? isThere(call) : isSame && call.isOwn()), "lost");
    if (!isBack) {
      for (const call of this.calls.values()) call.isHere = false;
      this.#times.graceEnds = performance.now() + GRACE_MS;
    }
    for (const one of this.#unconfirmed.values()) one.dueAt = 0;
    this.#live = this.#socket;
    this.#failures = 0;
    this.tell("ready", { isBack });
    // The newcomer offers; who came while this connection was lost has offered, or will.
    for (const peer of peers) peer.peer_instances.forEach((_, n) => this.#meet(peer, n, !isBack));
    this.#pump();
  }

  #meet({ peer_instances: _, peer_ice: __, ...peer }, instance, isCaller) {
    this.#update(peer, false);
    const key = `${peer.peer_id}/${instance}`;
    const known = this.calls.get(key);
    if (known?.isHere || this.#end.signal.aborted) return;
    const call = known ?? makeCall(this, { key, id: peer.peer_id, instance, peer });
    call.isHere = true;
    this.calls.set(key, call);
    if (!known) this.tell("call", call);
    call.meet(isCaller, this.#options.channel);
  }

  /** Takes over what a peer says of itself, as a whole or what is different. */
  #update(fields, isDifference) {
    const sorted = (peer) => JSON.stringify(Object.entries(peer).sort());
    for (const call of this.calls.values()) {
      const all = Object.entries({ ...(isDifference && call.peer), ...fields });
      const peer = Object.fromEntries(all.filter(([, value]) => value !== null));
      if (call.id !== fields.peer_id || sorted(peer) === sorted(call.peer)) continue;
      call.peer = peer;
      this.tell("change", call);
    }
  }

  #part(isMeant, reason) {
    for (const [key, call] of this.calls) {
      if (!isMeant(call) || !this.calls.delete(key)) continue;
      call.close();
      this.forget((entry) => entry.call === call);
      this.tell("leave", { call, reason });
    }
  }

  #refused({ code, message, ref, retry_ms = 1_000 }, entry) {
    const now = performance.now();
    if (code === "rate_limited" && this.#live) {
      // Nobody knows how much was dropped: all that is unanswered is said again, later.
      this.#times.mayTalk = now + retry_ms;
      for (const one of this.#unconfirmed.values()) one.dueAt = 0;
    } else if (code === "queue_full" && entry) {
      entry.dueAt = now + (entry.retryMs = Math.min(10_000, 2 * entry.retryMs));
    } else if (code.startsWith("unknown_") && entry) {
      // A number in the list may be free: nobody is there to be called.
      this.#part((call) => call === entry.call, "left");
    } else if (code === "bad_secret" && this.#join.p_id) {
      // A server that has a new key does not know its old peers.
      ["p_id", "p_secret", "p_instance"].forEach((name) => delete this.#join[name]);
      this.#lost(3000);
    } else {
      this.#unconfirmed.delete(ref);
      this.fail(code, message);
      if (code === "rate_limited" || code === "bad_server") this.#lost(3000, message, retry_ms);
      else if (ref === "join") this.leave(message, code);
    }
  }
}
