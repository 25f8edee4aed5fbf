// @ts-self-types="./client.d.ts"
/** Closes after which coming back would be wrong: left, taken over elsewhere, removed. */
const FINAL = [1000, 4001, 4003];
const HERE = new URL(".", import.meta.url).href.slice(0, -1);

/** A client of Simple Signalling for browsers. What it offers to a page is in client.d.ts. */
export class Room extends EventTarget {
  calls = new Map();
  #url;
  #options;
  #join;
  /** Who this page is, and how to prove it. */
  #me;
  #seq = 0;
  #handshake;
  #socket;
  /** The same socket, once the room is joined over it. */
  #live;
  #failures = 0;
  #heardAt = 0;
  #watch;
  /** Frames that the server has not confirmed, by ref; said again on a new connection. */
  #unconfirmed = new Map();
  #refs = 0;
  /** Marks what this page says, so that what is said again is not heard twice. */
  #mark = crypto.randomUUID().slice(0, 8);

  constructor(name, { url = HERE, peer, token, ...options } = {}) {
    super();
    this.#options = { channel: "data", pingMs: 10_000, ...options };
    this.#url = url.replace(/^http/, "ws");
    this.#join = { event: "join", ref: "join", room: name, peer, token };
    this.stream = options.stream;
    this.#watch = setInterval(() => this.#probe(), this.#options.pingMs / 2);
    this.#connect();
  }

  send(data) {
    const channels = [...this.calls.values()].map(({ channel }) => channel);
    for (const one of channels) if (one?.readyState === "open") one.send(data);
  }

  change(peer) {
    this.#join.peer = { ...this.#join.peer, ...peer };
    this.post({ event: "change", peer });
  }

  leave(reason = "left", code = 1000) {
    if (this.#watch === undefined) return;
    this.#watch = clearInterval(this.#watch);
    this.#drop(1000);
    for (const key of this.calls.keys()) this.#part(key, "left");
    this.tell("closed", { code, reason });
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Says something until the server confirms it; `key` is that of the call it belongs to. */
  post(frame, key) {
    const ref = ++this.#refs;
    const call = key && `${this.#mark}.${ref}`;
    this.#unconfirmed.set(ref, { text: JSON.stringify({ ...frame, call, ref }), key });
    this.#live?.send(this.#unconfirmed.get(ref).text);
  }

  #connect() {
    if (this.#watch === undefined) return;
    const socket = this.#socket = new WebSocket(this.#url, "simple");
    this.#heardAt = performance.now();
    const on = (type, act) =>
      socket.addEventListener(type, (event) => socket === this.#socket && act(event));
    on("open", () => socket.send(JSON.stringify({ ...this.#join, ...this.#me, seq: this.#seq })));
    on("message", ({ data }) => this.#receive(JSON.parse(data)));
    on("close", ({ code, reason }) => this.#lost(code, reason));
  }

  /** Asks whether the server is there; gives the connection up when it is not. */
  #probe() {
    const silentMs = performance.now() - this.#heardAt;
    if (this.#socket && silentMs > 2 * this.#options.pingMs) this.#lost(3000);
    else if (silentMs > this.#options.pingMs) this.#live?.send('{"event":"ping"}');
  }

  #drop(code) {
    this.#socket?.close(code);
    this.#socket = this.#live = undefined;
  }

  /** Comes back, unless that would be wrong; to a server that restarts (1012) not in a rush. */
  #lost(code, reason, afterMs = Math.min(10_000, 250 * 2 ** this.#failures++)) {
    if (FINAL.includes(code)) return this.leave(reason, code);
    // To the server a close with any code but 1000 is a loss, and the instance is held.
    this.#drop(3000);
    this.tell("lost", { code });
    setTimeout(() => this.#connect(), code === 1012 ? 5_000 * Math.random() : afterMs);
  }

  #receive(frame) {
    this.#heardAt = performance.now();
    const { event, peer, peer_id, peer_instance } = frame;
    const key = `${peer_id}/${peer_instance}`;
    for (const call of event === "change" ? this.calls.values() : []) {
      if (call.id === peer_id) this.tell("change", Object.assign(call.peer, peer) && call);
    }
    if (event === undefined) this.#handshake = frame;
    else if (event === "ready") this.#ready(this.#handshake, frame);
    else if (event === "join") this.#meet(peer, peer_instance, false);
    else if (event === "leave") this.#part(key, frame.reason);
    else if (event === "ok") this.#unconfirmed.delete(frame.ref);
    else if (event === "error") this.#refused(frame);
    else if (event === "signal") this.calls.get(key)?.receive(frame);
    this.#seq = frame.seq ?? this.#seq;
  }

  #ready({ p_id, peers }, { p_instance, p_secret, recovered, ice_servers }) {
    const isBack = p_secret === this.#me?.p_secret;
    this.#me = { p_id, p_secret, p_instance };
    // Signals are missing: leaves, and comes back as a newcomer.
    if (isBack && !recovered) return this.#connect(this.#me = this.#drop(1000));
    const listed = peers.flatMap((peer) => peer.peer_instances.map((_, number) => [peer, number]));
    const keys = new Set(listed.map(([{ peer_id }, number]) => `${peer_id}/${number}`));
    // Another instance is another party to everybody: nothing of the old one goes on.
    if (!isBack) this.#unconfirmed.clear();
    for (const key of this.calls.keys()) if (!isBack || !keys.has(key)) this.#part(key, "lost");
    Object.assign(this, { id: p_id, instance: p_instance });
    this.configuration = { iceServers: ice_servers, ...this.#options.rtc };
    this.#live = this.#socket;
    this.#failures = 0;
    this.tell("ready", { isBack });
    for (const { text } of this.#unconfirmed.values()) this.#live.send(text);
    // The newcomer offers; who came while this connection was lost has offered, or will.
    for (const [peer, number] of listed) this.#meet(peer, number, !isBack);
  }

  #meet(peer, instance, isCaller) {
    const key = `${peer.peer_id}/${instance}`;
    if (this.calls.has(key)) return;
    const call = makeCall(this, key, { id: peer.peer_id, instance, peer });
    this.calls.set(key, call);
    this.tell("call", call);
    if (isCaller) call.offer(this.#options.channel);
  }

  #part(key, reason) {
    const call = this.calls.get(key);
    if (!this.calls.delete(key)) return;
    call.close();
    this.tell("leave", { call, reason });
  }

  #refused({ code, message, ref, retry_ms = 0 }) {
    const key = this.#unconfirmed.get(ref)?.key;
    this.#unconfirmed.delete(ref);
    // A number in the list may be free: nobody is there to be called.
    if (code.startsWith("unknown_")) return this.#part(key, "left");
    // A server that has a new key does not know its old peers.
    const isForgotten = code === "bad_secret" && this.#me !== undefined;
    if (isForgotten) this.#me = undefined;
    else this.tell("error", { code, message });
    if (isForgotten || code === "rate_limited") this.#lost(3000, message, retry_ms);
    else if (ref === "join") this.leave(message, code);
  }
}

/** What connects this page with one instance of a peer: perfect negotiation, media and data. */
function makeCall(room, key, about) {
  const to = { event: "signal", peer_id: about.id, peer_instance: about.instance };
  const post = (frame) => room.post({ ...to, ...frame }, key);
  const signal = (data) => post({ type: "data", data });
  const call = { ...about, streams: [], offer, share, signal, receive, close };
  let connection;
  let heard = [];
  let work = Promise.resolve();
  let [isOffering, isIgnoring] = [false, false];
  return call;
  function offer(label) {
    open(true);
    if (label) useChannel(connection.createDataChannel(label));
    share(room.stream);
  }
  function share(stream) {
    const known = connection?.getSenders().map(({ track }) => track);
    const fresh = stream?.getTracks().filter((track) => known && !known.includes(track));
    for (const track of fresh ?? []) connection.addTrack(track, stream);
  }
  function close() {
    connection?.close();
    connection = call.connection = call.channel = undefined;
    call.streams = [];
  }
  /** Handles a signal after those before it; one that is said again is not heard twice. */
  function receive(frame) {
    const [mark, count] = (frame.call ?? "").split(".");
    if (mark === heard[0] && +count <= heard[1]) return;
    // Another page in the place of one that has gone: nothing of the old call goes on.
    if (heard.length > 0 && mark !== heard[0]) close();
    heard = [mark, +count];
    const fail = (error) => room.tell("error", { code: "call_failed", message: `${error}` });
    work = work.then(() => handle(frame)).catch(fail);
  }
  async function handle({ type, sdp, peer_ice, data }) {
    if (type === "data") room.tell("data", { call, data });
    else if (type === "bye") close();
    else if (type !== "candidate") await describe(type, sdp);
    else if (!isIgnoring) { for (const one of peer_ice) await connection?.addIceCandidate(one); }
  }
  async function describe(type, sdp) {
    const isOffer = type === "offer";
    if (isOffer && connection === undefined) open(false);
    // An answer that nobody waits for: its offer was taken back.
    if (!isOffer && connection?.signalingState !== "have-local-offer") return;
    const collides = isOffer && (isOffering || connection.signalingState !== "stable");
    // On a collision the side with the smaller id yields; of siblings the smaller number.
    const yields = room.id === call.id ? room.instance < call.instance : room.id < call.id;
    isIgnoring = collides && !yields;
    if (!isIgnoring) await connection.setRemoteDescription({ type, sdp });
    if (!isOffer || isIgnoring) return;
    share(room.stream);
    await connection.setLocalDescription();
    post(connection.localDescription.toJSON());
  }
  function open(isCaller) {
    const mine = connection = call.connection = new RTCPeerConnection(room.configuration);
    mine.onnegotiationneeded = async () => {
      // Who is called answers first; what it has to add follows when this is asked again.
      if (!isCaller && mine.remoteDescription === null) return;
      isOffering = true;
      await mine.setLocalDescription().catch(() => {});
      isOffering = false;
      if (mine.signalingState !== "have-local-offer") return;
      post(mine.localDescription.toJSON());
    };
    mine.onicecandidate = ({ candidate }) =>
      candidate && post({ type: "candidate", peer_ice: [candidate] });
    mine.ondatachannel = ({ channel }) => useChannel(channel);
    mine.ontrack = ({ streams: [stream] }) => {
      if (stream === undefined || call.streams.includes(stream)) return;
      call.streams.push(stream);
      room.tell("stream", { call, stream });
    };
    mine.onconnectionstatechange = () => mine.connectionState === "failed" && mine.restartIce();
  }
  function useChannel(channel) {
    call.channel = channel;
    channel.onopen = () => room.tell("open", call);
    channel.onmessage = ({ data }) => room.tell("message", { call, data });
  }
}
