/** What this client calls its side of a call, and knows its own kind by. */
const newName = () => `room.js ${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
const OWN_NAME = /^room\.js \d+-\d+/;

/** What connects this page with one instance of a peer: perfect negotiation, media and data. */
export function makeCall(room, about) {
  let [connection, label, lastText] = [];
  let [mine, theirs, foreign] = [newName()]; // what the call is called: by this client, and by others
  let [said, work, isOffering, isIgnoring] = [0, Promise.resolve(), false, false];
  const isOver = () => !room.calls.has(call.key);
  const fail = (error) => isOver() || room.fail("call_failed", error);
  const run = (act) => work = work.then(() => isOver() || act()).catch(fail);
  const to = { event: "signal", peer_id: about.id, peer_instance: about.instance };
  const post = (frame) => isOver() || room.post({ call: foreign ?? mine, ...to, ...frame }, call);
  // Numbered, so that what is the same is told from what is said again.
  const signal = (data) => post({ type: "data", data, call: foreign ?? `${mine}#${++said}` });
  const receive = ({ seq: _, ...frame }) => run(() => handle(frame));
  const isOwn = () => theirs !== undefined;
  const call = { ...about, streams: [], meet, isOwn, share, signal, receive, close, fail };
  return call;
  /** The newcomer offers; after a restart also who has an offer on its way, which may be lost. */
  function meet(isCaller, channel) {
    label = channel;
    if (isCaller && !connection) return run(offer);
    if (isCaller || connection?.signalingState === "have-local-offer") negotiate(connection);
  }
  function offer() {
    share(room.stream);
    if (label) useChannel(connection.createDataChannel(label));
    // Nothing to send: asks for what the other side has.
    const wanted = label || connection.getSenders().length > 0 ? [] : ["audio", "video"];
    for (const kind of wanted) connection.addTransceiver(kind, { direction: "recvonly" });
  }
  function share(stream) {
    if (!connection) open(true);
    const known = connection.getSenders().map(({ track }) => track);
    const fresh = stream?.getTracks().filter((track) => !known.includes(track));
    for (const track of fresh ?? []) connection.addTrack(track, stream);
  }
  function close() {
    connection?.close();
    connection = call.connection = call.channel = undefined;
    call.streams = [];
    room.forget((entry) => entry.call === call && entry.frame.type !== "data");
  }
  function handle(frame) {
    const { type, sdp, peer_ice, data, reason, call: name } = frame;
    const own = OWN_NAME.exec(name)?.[0];
    if (own && own !== mine) {
      // One frame is said at a time: what is said again comes right after what it repeats.
      const text = JSON.stringify(frame);
      if (text === lastText) return;
      // Another page in the place of one that has gone: nothing of the old call goes on.
      const isNew = isOwn() && own !== theirs;
      [theirs, lastText] = [own, text];
      if (isNew) close();
      // It knows nothing of the offer's call either: asked anew.
      if (isNew && type === "answer") {
        mine = newName();
        return offer();
      }
    } else if (type !== "data" && name && name !== foreign && foreign && connection) {
      // One call at a time.
      return type === "offer" ? post({ type: "bye", reason: "busy", call: name }) : undefined;
    }
    if (type === "offer") foreign = own ? undefined : name;
    if (type === "data") return room.tell("data", { call, data });
    if (type === "bye") {
      close();
      return room.tell("bye", { call, reason });
    }
    if (type !== "candidate") return describe(type, sdp);
    if (!isIgnoring) { for (const one of peer_ice) connection?.addIceCandidate(one).catch(fail); }
  }
  async function describe(type, sdp) {
    const isOffer = type === "offer";
    if (isOffer && !connection) open(false);
    // An answer that nobody waits for: its offer was taken back.
    if (!isOffer && connection?.signalingState !== "have-local-offer") return;
    // On a collision the side with the smaller id yields.
    const collides = isOffer && (isOffering || connection.signalingState !== "stable");
    isIgnoring = collides && room.id > call.id;
    if (!isIgnoring) await connection.setRemoteDescription({ type, sdp });
    if (!isOffer || isIgnoring) return;
    share(room.stream);
    await connection.setLocalDescription();
    post(connection.localDescription.toJSON());
  }
  async function negotiate(connection) {
    isOffering = true;
    await connection.setLocalDescription().catch(fail);
    isOffering = false;
    if (connection.signalingState === "have-local-offer") {
      post(connection.localDescription.toJSON());
    }
  }
  function open(isCaller) {
    const it = connection = call.connection = new RTCPeerConnection(room.configuration);
    // Who is called answers first; what it has to add follows when this is asked again.
    it.onnegotiationneeded = () => (isCaller || it.remoteDescription) && negotiate(it);
    it.onicecandidate = ({ candidate: one }) => one && post({ type: "candidate", peer_ice: [one] });
    it.onconnectionstatechange = () => it.connectionState === "failed" && it.restartIce();
    it.ondatachannel = ({ channel }) => useChannel(channel);
    it.ontrack = ({ streams: [stream] }) => {
      if (!stream || call.streams.includes(stream)) return;
      call.streams.push(stream);
      room.tell("stream", { call, stream });
    };
  }
  function useChannel(channel) {
    call.channel = channel;
    channel.onopen = () => room.tell("open", call);
    channel.onmessage = ({ data }) => room.tell("message", { call, data });
  }
}
