// @ts-self-types="./client.d.ts"
const HERE = new URL(".", import.meta.url).href.slice(0, -1);
const attempt = (act) => new Promise((resolve) => resolve(act())); // at once; rejects with its error
const copyOf = (frame) => JSON.parse(JSON.stringify(frame)); // as it is now; throws what is no JSON
const sessionOf = (description) => /^o=\S+ (\S+)/m.exec(description?.sdp)?.[1]; // RFC 8829, 5.2.1
const fieldsOf = ({ peer_instances: _, peer_ice: __, ...fields }) =>
  Object.fromEntries(Object.entries(fields).filter(([, it]) => it !== null).sort());
const isOffering = ({ connection }) => connection?.signalingState === "have-local-offer";
/** A client of Simple Signalling for browsers. What it offers to a page is in client.d.ts. */
export class Room extends EventTarget {
  calls = new Map();
  #join;
  #me = {}; // id in the room, its proof, and the last signal
  #socket;
  #live; // the same socket, once the room is joined over it
  #outbox = []; // unconfirmed frames, oldest first
  #state = { refs: 0, failures: 0, heardAt: 0, askedAt: 0, mayTalkAt: 0, retryAt: 0 };
  #end = new AbortController();
  constructor(name, { url = HERE, peer, token, ...options } = {}) {
    super();
    this.options = { channel: "data", pingMs: 10_000, maxWaiting: 1_000, ...options, url };
    this.#join = copyOf({ event: "join", ref: "join", room: name, peer, token });
    this.#connect();
    for (const it of ["online", "visibilitychange"]) addEventListener(it, this.#tick, this.#end);
    this.#end.signal.onabort = clearInterval.bind(undefined, setInterval(this.#tick, 100));
  }
  tell = (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail }));
  fail = (code, error) => this.tell("error", { code, message: `${error}` });
  keep = (isMeant) => this.#outbox = this.#outbox.filter(isMeant);
  change = (peer) => this.post({ event: "change", peer: { ...peer } });
  refresh = (token) => this.post({ event: "refresh", token });
  send = (data) => this.calls.forEach((call) => call.send(data));
  leave(reason = "left", code = 1000) {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    for (const one of this.#outbox) if (one.dueAt === 0 && this.#fits(one)) this.#say(one.frame);
    this.#drop(1000);
    this.#part(() => true, "left");
    this.tell("closed", { code, reason });
    this.tell = () => {}; // whatever is still going on
  }
  post(frame, call) { // until the server confirms it; `call` is what it belongs to
    const last = this.#outbox.findLast((entry) => entry.call === call);
    const isMore = frame.peer_ice && last?.isNew && last.frame.peer_ice?.length < 100;
    if (isMore) return last.frame.peer_ice.push(...frame.peer_ice);
    const isFull = this.#outbox.length >= this.options.maxWaiting && !frame.sdp && !frame.peer_ice;
    if (isFull) return this.fail("queue_full", "too much waits to be said");
    const copy = copyOf({ ...frame, ref: ++this.#state.refs });
    this.#outbox.push({ frame: copy, call, isNew: true, dueAt: 0 });
    this.#pump();
  }
  #fits = ({ frame }) => !(new Blob([JSON.stringify(frame)]).size > this.max_bytes);
  #say = (frame) => this.#live?.send(JSON.stringify(frame));
  #pump() { // one at a time for each call, so that none overtakes another
    const [now, busy] = [performance.now(), new Set()];
    for (const entry of this.#live && now >= this.#state.mayTalkAt ? this.#outbox : []) {
      const isFirst = busy.size < busy.add(entry.call).size;
      if (!isFirst || entry.dueAt > now) continue;
      Object.assign(entry, { isNew: false, dueAt: now + this.options.pingMs }); // may be dropped
      if (this.#fits(entry)) this.#say(entry.frame);
      else this.#refused({ code: "too_large", message: "too much at once" }, entry);
    }
  }
  #repeat(afterMs) { // nobody knows how much was lost: all that is unanswered
    this.#state.mayTalkAt = performance.now() + afterMs;
    for (const entry of this.#outbox) entry.dueAt = 0;
  }
  #tick = (urgent) => {
    const [now, { pingMs }, { heardAt, askedAt }] = [performance.now(), this.options, this.#state];
    if (!this.#socket) return (urgent || now > this.#state.retryAt) && this.#connect();
    // Gives up only a connection that owes an answer: late timers are no silence of the server.
    if (askedAt > heardAt && now - askedAt > pingMs) return this.#lost(3000);
    const isDue = askedAt <= heardAt && (urgent || now - heardAt > pingMs);
    if (isDue) this.#say({ event: "ping" }), this.#state.askedAt = now;
    this.#pump();
  };
  #connect() {
    Object.assign(this.#state, { askedAt: performance.now(), handshake: undefined });
    const ws = this.#socket = new WebSocket(this.options.url.replace(/^http/, "ws"), "simple");
    const broken = (message) => this.#refused({ message });
    const on = (type, act) => ws.addEventListener(type, (it) => ws === this.#socket && act(it));
    const join = () => JSON.stringify({ ...this.#join, ...this.#me, ...this.#fresh() });
    on("open", () => ws.send(join()));
    on("message", ({ data }) => attempt(() => this.#handle(JSON.parse(data))).catch(broken));
    on("close", ({ code, reason }) => this.#lost(code, reason));
  }
  // A token that waits for its confirmation goes first: the one before may have expired.
  #fresh = () => copyOf({ token: this.#outbox.findLast(({ frame: it }) => it.token)?.frame.token });
  #drop = (code) => this.#socket = this.#live = void this.#socket?.close(code);
  #lost(code, reason, retryMs = 0) { // comes back, unless it has left, was taken over or removed
    const isVain = code === 1009 && !this.#live; // the join itself is too large
    if (isVain || [1000, 4001, 4003].includes(code)) return this.leave(reason, code);
    this.#drop(3000); // to the server any code but 1000 is a loss
    const backoffMs = Math.max(retryMs, Math.min(10_000, 250 * 2 ** this.#state.failures++));
    this.#state.retryAt = performance.now() + (code === 1012 ? 5_000 * Math.random() : backoffMs);
    this.tell("lost", { code });
  }
  #handle(frame) {
    const { event, peer, peer_id, peer_instance, peer_instances: left, ref, reason } = frame;
    const entry = this.#outbox.find((one) => one.frame.ref === ref);
    const isGone = ({ id, instance: n }) => id === peer_id && (n === peer_instance || !left[n]);
    const isGap = event === "signal" && frame.seq > this.#me.seq + 1; // said by who went meanwhile
    for (const call of isGap ? this.calls.values() : []) if (isOffering(call)) call.begin();
    this.#state.heardAt = performance.now();
    if (event === undefined) this.#state.handshake = frame;
    else if (event === "ready") this.#ready(this.#state.handshake, frame);
    else if (event === "join") this.#meet(peer, peer_instance, isOffering);
    else if (event === "change") this.#update(peer_id, (known) => ({ ...known, ...peer }));
    else if (event === "error") this.#refused(frame, entry);
    else if (event === "signal") this.calls.get(`${peer_id}/${peer_instance}`)?.receive(frame);
    else if (event === "leave") this.#part(isGone, reason);
    else if (event === "ok") {
      this.keep((one) => one !== entry);
      this.#join.peer = { ...this.#join.peer, ...entry?.frame.peer };
      this.#join.token = entry?.frame.token ?? this.#join.token;
      this.#pump();
    }
    this.#me.seq = frame.seq ?? this.#me.seq;
  }
  #ready({ p_id, peers }, { p_instance, p_secret, recovered: isBack, ice_servers, max_bytes }) {
    const isSame = p_id === this.id && p_instance === this.instance;
    this.#me = { p_id, p_secret, p_instance };
    Object.assign(this, { id: p_id, instance: p_instance, ice_servers, max_bytes });
    const keys = peers.flatMap((peer) => peer.peer_instances.map((_, n) => `${peer.peer_id}/${n}`));
    // After a restart, or if signals are missing, calls continue with the peers that come back too.
    const mayComeBack = ({ connection }) => !isBack && connection?.remoteDescription;
    const isKept = (call) => isSame && (keys.includes(call.key) || mayComeBack(call));
    this.#part((call) => !isKept(call), "lost");
    [this.#live, this.#state.failures] = [this.#socket, 0];
    this.#repeat(0);
    this.tell("ready", { isBack });
    const isCaller = () => !isBack; // a peer that came during the loss makes the offer
    for (const peer of peers) peer.peer_instances.forEach((_, n) => this.#meet(peer, n, isCaller));
    this.#pump();
  }
  #meet(peer, instance, isCaller) {
    this.#update(peer.peer_id, () => peer);
    if (this.#end.signal.aborted) return;
    const known = this.calls.get(`${peer.peer_id}/${instance}`);
    const call = known ?? makeCall(this, fieldsOf(peer), instance);
    this.calls.set(call.key, call);
    if (!known) this.tell("call", call);
    if (isCaller(call)) call.begin();
  }
  #update(id, change) {
    for (const call of [...this.calls.values()].filter((one) => one.id === id)) {
      const before = JSON.stringify(call.peer);
      call.peer = fieldsOf(change(call.peer));
      if (before !== JSON.stringify(call.peer)) this.tell("change", call);
    }
  }
  #part(isMeant, reason) {
    for (const [key, call] of this.calls) {
      if (!isMeant(call) || !this.calls.delete(key)) continue;
      call.close();
      this.keep((entry) => entry.call !== call);
      this.tell("leave", { call, reason });
    }
  }
  #refused({ code = "bad_server", message, ref, retry_ms = 1_000 }, entry) {
    if (code === "rate_limited" && this.#live) return this.#repeat(1.25 * retry_ms); // no flood
    const isAway = entry?.call?.connection?.connectionState === "connected"; // not back yet
    const isEarly = /^(queue_full|unavailable)$/.test(code) || (code === "unknown_peer" && isAway);
    if (entry && isEarly) return entry.dueAt = performance.now() + retry_ms;
    if (code.startsWith("unknown_")) return this.#part((call) => call === entry?.call, "left");
    this.keep((one) => one !== entry);
    if (code === "bad_secret" && this.#me.p_id) return this.#me = {}, this.#lost(3000); // new key
    this.fail(code, message);
    const isBad = code === "rate_limited" || code === "bad_server";
    if (isBad || (ref === "join" && code === "unavailable")) this.#lost(3000, message, retry_ms);
    else if (ref === "join") this.leave(message, code);
  }
}
function makeCall(room, peer, instance) { // perfect negotiation, media and data
  const [id, mine, shared] = [peer.peer_id, `room.js ${Math.random()}`, new Set()];
  let [lastText, nth, work, isIgnoring] = ["", 0, Promise.resolve(), false];
  const isOver = () => room.calls.get(call.key) !== call;
  const fail = (error) => isOver() || room.fail("call_failed", error);
  const run = (act) => work = work.then(() => isOver() || act()).catch(fail); // one after the other
  const to = { event: "signal", peer_id: id, peer_instance: instance, call: mine };
  const post = (frame) => isOver() || room.post({ ...to, ...frame }, call);
  const isReady = () => call.channel?.readyState === "open";
  const send = (data) => isReady() && attempt(() => call.channel.send(data)).catch(fail);
  const describe = (it) => it.setLocalDescription().then(() => post(it.localDescription.toJSON()));
  const signal = (data) => post({ type: "data", data, call: to.call.replace(mine, `$&#${++nth}`) });
  const call = { id, instance, key: `${id}/${instance}`, peer, streams: [] };
  return Object.assign(call, { begin: () => run(offer), share, send, signal, receive, close });
  function offer() {
    if (call.connection?.remoteDescription) return describe(call.connection);
    if (isOffering(call)) close(); // the answering instance may not be the one that got the offer
    const it = call.connection ?? open(true);
    if (call.channel || it.getSenders().length > 0) return; // else asks for what the other side has
    for (const kind of ["audio", "video"]) it.addTransceiver(kind, { direction: "recvonly" });
  }
  function share(stream) {
    const it = call.connection ?? open(true);
    const isNew = (track) => !it.getSenders().some((sender) => sender.track === track);
    for (const track of stream?.getTracks().filter(isNew) ?? []) it.addTrack(track, stream);
    if (stream) shared.add(stream); // for another connection in the place of this one
  }
  function close() {
    call.connection?.close();
    Object.assign(call, { connection: undefined, channel: undefined, streams: [] });
    room.keep((entry) => entry.call !== call || entry.frame.type === "data");
  }
  function receive({ seq: _, ...frame }) {
    const isOwn = /^room\.js /.test(frame.call) && !frame.call.startsWith(mine); // no echo
    if (isOwn && lastText === (lastText = JSON.stringify(frame))) return; // again, after a loss
    if (frame.type === "data") return room.tell("data", { call, data: frame.data });
    run(() => handle(frame, isOwn));
  }
  function handle({ type, sdp, peer_ice, reason, call: theirs }, isOwn) {
    const isBusy = !isOwn && theirs && call.connection && ![mine, theirs].includes(to.call);
    if (isBusy) return type === "offer" && post({ type: "bye", reason: "busy", call: theirs });
    if (type === "offer") to.call = isOwn ? mine : theirs ?? mine;
    if (type === "bye") return close(), shared.clear(), room.tell("bye", { call, reason });
    if (type !== "candidate") return heed({ type, sdp }, isOwn);
    const it = isIgnoring || !call.connection?.remoteDescription ? undefined : call.connection;
    for (const one of peer_ice) it?.addIceCandidate(one).catch(fail);
  }
  async function heed(description, isOwn) {
    const isOffer = description.type === "offer";
    const { remoteDescription: known, signalingState = "stable" } = call.connection ?? {};
    const isNew = isOwn && known && sessionOf(known) !== sessionOf(description); // begun anew
    const collides = isOffer && !isNew && signalingState === "have-local-offer";
    isIgnoring = collides && room.id > id; // the smaller yields
    if (isIgnoring) return;
    if (isNew || (isOffer && !known)) close(); // Chromium cannot take a first offer back
    if (isNew && !isOffer) return offer();
    if (!isOffer && signalingState === "stable") return; // its offer was taken back
    const it = call.connection ?? open(false);
    await it.setRemoteDescription(description);
    if (isOffer) await describe(it);
  }
  function open(isCaller) {
    const { rtc, stream, channel } = room.options;
    const it = call.connection = new RTCPeerConnection({ iceServers: room.ice_servers, ...rtc });
    it.onnegotiationneeded = () => run(() => it.signalingState === "stable" && describe(it));
    it.onicecandidate = ({ candidate: one }) => one && post({ type: "candidate", peer_ice: [one] });
    it.onconnectionstatechange = () => it.connectionState === "failed" && it.restartIce();
    it.ondatachannel = ({ channel }) => useChannel(channel);
    it.ontrack = ({ streams: [stream] }) => {
      if (!stream || call.streams.includes(stream)) return;
      call.streams.push(stream);
      room.tell("stream", { call, stream });
    };
    for (const one of [stream, ...shared]) share(one);
    if (isCaller && channel) useChannel(it.createDataChannel(channel));
    return it;
  }
  function useChannel(it) {
    call.channel = it;
    it.onmessage = ({ data }) => room.tell("message", { call, data });
    it.addEventListener("open", () => room.tell("open", call), { once: true }); // Chromium: twice
  }
}
