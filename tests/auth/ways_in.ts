import type { DialectBench } from "../helpers/session/dialect.ts";
import { connect, type TestClient } from "../helpers/session/hub.ts";
import { connectTo } from "../helpers/session/namespace.ts";
import { visitOf } from "../helpers/session/visit.ts";

// Every way on which a client can get an id or a room, by dialect. Tokens are `t0`, `t1` and so on.

/** One step of a client. */
export interface Step {
  /** Selects the dialect and its way. */
  readonly way: number;
  /** The number of the token that the client shows. */
  readonly token: number;
  readonly id: string;
  readonly room: string;
  /** Selects the earlier client whose place, secret or connection this step uses. */
  readonly earlier: number;
}

/** A client that was admitted. */
export interface Held {
  readonly client: TestClient;
  /** The token that it showed last. */
  token: number;
  /** Credentials with which a client of Simple comes back. */
  readonly secrets?: Readonly<Record<string, unknown>>;
  /** It speaks in packets of a namespace. */
  readonly isNamespace?: true;
}

/** The result of one step. */
export interface Gained {
  /** The token that has to grant all that the step brought. */
  readonly token: number;
  /** An id that the client chose and got. */
  readonly id?: string | undefined;
  /** An id that the server derived from the token. */
  readonly derivedId?: string | undefined;
  /** A room that the client entered. */
  readonly room?: string | undefined;
}

export type Way = (bench: DialectBench, step: Step, held: Held[]) => Promise<Gained>;

const text = (value: unknown): string => JSON.stringify(value);

/** An earlier client of the same dialect that is still connected. */
function connected(held: readonly Held[], { earlier }: Step): Held | undefined {
  const open = held.filter(({ client }) => client.isOpen);
  return open[earlier % Math.max(1, open.length)];
}

/** Ends the connection of an earlier client, so that somebody may come back in its place. */
async function drop(_: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const one = connected(held, step);
  await (step.earlier % 2 === 0 ? one?.client.lose() : one?.client.leave());
  return { token: step.token };
}

async function openPeer(bench: DialectBench, query: string, bearer?: string): Promise<TestClient> {
  return await bench.connect(`/peerjs?${query}`, bearer === undefined ? {} : { bearer });
}

/** PeerJS: a socket for an id, which takes over one of the same user. */
function peerjsWay(open: (bench: DialectBench, step: Step) => Promise<TestClient>): Way {
  return async (bench, step, held) => {
    const client = await open(bench, step);
    if (!client.heard().includes('{"type":"OPEN"}')) return { token: step.token };
    held.push({ client, token: step.token });
    return { token: step.token, id: step.id };
  };
}

/** PeerJS: an id that the server issued needs no grant, and no other id passes for one. */
async function issuedPeer(bench: DialectBench, { token, id }: Step): Promise<Gained> {
  const issued = await bench.get("/peerjs/id")?.text();
  const isChanged = id === "al";
  const client = await openPeer(bench, `key=t${token}&token=x&id=${issued}${isChanged ? "x" : ""}`);
  const isIn = client.heard().includes('{"type":"OPEN"}');
  return { token, ...(isIn && isChanged ? { id: `${issued}x` } : {}) };
}

/** GStreamer: HELLO with an id, or with the token as the word. */
function helloWay(query: (step: Step) => string, bearer: boolean, isWord: boolean): Way {
  return async (bench, step, held) => {
    const { token, id } = step;
    const visit = bearer ? { bearer: `t${token}` } : {};
    const client = await bench.connect(`/gst${query(step)}`, visit);
    await client.say(`HELLO ${isWord ? `t${token}` : id}`);
    if (!client.heard().includes("HELLO")) return { token };
    held.push({ client, token });
    return isWord ? { token, derivedId: client.session.peerId } : { token, id };
  };
}

/** GStreamer: an earlier client enters a room, or another one than before. */
async function enterRoom(_: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const one = connected(held, step);
  if (one === undefined) return { token: step.token };
  one.client.heard();
  await one.client.say(`ROOM ${step.room}`);
  const isIn = one.client.heard().some((frame) => String(frame).startsWith("ROOM_OK"));
  return { token: one.token, ...(isIn ? { room: step.room } : {}) };
}

/** ssp: joins a pool, on a connection of its own or on an earlier one with its token. */
function poolWay(open: (bench: DialectBench, step: Step) => Promise<TestClient>): Way {
  return async (bench, step, held) => {
    const client = await open(bench, step);
    await joinPool(client, step.room);
    const isIn = text(client.heard()).includes("rtc:joined");
    held.push({ client, token: step.token });
    return { token: step.token, ...(isIn ? { room: step.room } : {}) };
  };
}

/** A namespace's packets begin with a digit, and those of the path with a brace. */
async function joinPool(client: TestClient, pool: string, isNamespace = false): Promise<void> {
  const data = { pool };
  await client.say(isNamespace ? `2${text(["rtc:join", data])}` : text({ type: "rtc:join", data }));
}

async function joinNamespace(bench: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const { token, room } = step;
  const [name = "/"] = bench.namespaces.map((namespace) => namespace.name);
  const auth = text({ token: `t${token}` });
  const { client } = await connectTo(bench, name, {}, { auth });
  await joinPool(client, room, true);
  const isIn = text(client.heard()).includes("rtc:joined");
  held.push({ client, token, isNamespace: true });
  return { token, ...(isIn ? { room } : {}) };
}

async function joinAgain(_: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const one = connected(held, step);
  if (one === undefined) return { token: step.token };
  one.client.heard();
  await joinPool(one.client, step.room, one.isNamespace);
  const isIn = text(one.client.heard()).includes("rtc:joined");
  return { token: one.token, ...(isIn ? { room: step.room } : {}) };
}

async function logIn(bench: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const { client } = await connectTo(bench, "/");
  return await logInOn({ client, token: step.token }, step, held);
}

/** OWT: another login on a connection, with another token. */
async function logInAgain(_: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const one = connected(held, step);
  return one === undefined ? { token: step.token } : await logInOn(one, step, held);
}

async function logInOn(one: Held, { token }: Step, held: Held[]): Promise<Gained> {
  one.client.heard();
  await one.client.say(`25["authentication",${text({ token: `t${token}` })}]`);
  const [, uid] = /"uid":"([^"]*)"/.exec(one.client.heard().join()) ?? [];
  if (uid === undefined) return { token };
  one.token = token;
  if (!held.includes(one)) held.push(one);
  return { token, derivedId: uid };
}

async function logInByQuery(bench: DialectBench, { token }: Step, held: Held[]): Promise<Gained> {
  const { client } = await connectTo(bench, "/", { token: `t${token}` });
  const [, uid] = /"uid":"([^"]*)"/.exec(client.heard().join()) ?? [];
  if (uid !== undefined) held.push({ client, token });
  return { token, derivedId: uid };
}

type Frame = Readonly<Record<string, unknown>>;

/** The frames of a WebSocket or of an event stream. */
function framesOf(client: TestClient): Frame[] {
  return client.heard().map((frame) => JSON.parse(/\{.*\}/s.exec(String(frame))?.[0] ?? "{}"));
}

/** Simple: notes an admitted client; `ready` holds its secret. */
function noteSimple(client: TestClient, { token, room }: Step, held: Held[]): Gained {
  const frames = framesOf(client);
  const ready = frames.find(({ event }) => event === "ready");
  if (ready === undefined) return { token };
  const { p_instance, p_secret } = ready;
  const p_id = frames.find((frame) => "p_id" in frame)?.["p_id"];
  held.push({ client, token, secrets: { p_id, p_secret, p_instance } });
  return { token, room };
}

/** Simple: a join on a new connection; `more` is what the client says of itself. */
function simpleWay(more: (step: Step, held: Held[]) => Frame, isByQuery = false): Way {
  return async (bench, step, held) => {
    const token = `t${step.token}`;
    const client = await bench.connect(isByQuery ? `/simple?token=${token}` : "/simple");
    const frame = { event: "join", room: step.room, ...(isByQuery ? {} : { token }) };
    await client.say(text({ ...frame, ...more(step, held) }));
    return noteSimple(client, step, held);
  };
}

/** The secrets of an earlier client. */
function secretsOf({ earlier }: Step, held: Held[]): Frame {
  return held[earlier % Math.max(1, held.length)]?.secrets ?? {};
}

/** Simple: the same by a POST, whose answer is an event stream. */
function postedWay(more: (step: Step, held: Held[]) => Frame): Way {
  return async (bench, step, held) => {
    const route = bench.routes.find((route) => route.kind === "stream");
    if (route?.kind !== "stream") throw new RangeError("Cannot post: the dialect has no streams");
    const join = { event: "join", room: step.room, token: `t${step.token}`, ...more(step, held) };
    const posting = { method: "POST", body: text(join), lastEventId: undefined } as const;
    const client = await connect(
      (link) => route.connect(visitOf("/simple"), link, posting),
      route.limits,
      bench.clock.now,
    );
    return noteSimple(client, step, held);
  };
}

/** Simple: a fresh token for an earlier connection, said on it or posted with its secret. */
async function refresh(bench: DialectBench, step: Step, held: Held[]): Promise<Gained> {
  const one = connected(held, step);
  const frame = { event: "refresh", token: `t${step.token}`, ...one?.secrets };
  if (one === undefined) return { token: step.token };
  if (step.id === "al") {
    const route = bench.routes.find((route) => route.kind === "stream");
    const posting = { method: "POST", body: text(frame), lastEventId: undefined } as const;
    if (route?.kind === "stream") await route.post(visitOf("/simple"), posting);
  } else {
    one.client.heard();
    await one.client.say(text({ event: "refresh", token: `t${step.token}` }));
    if (framesOf(one.client).some(({ event }) => event === "ok")) one.token = step.token;
  }
  return { token: one.token };
}

/** Topics: a subscription, which is proved by the client's own publication. */
function topicWay(isEarlier: boolean): Way {
  return async (bench, step, held) => {
    const { room: topic } = step;
    const one = isEarlier
      ? connected(held, step)
      : { client: await bench.connect(`/topics?token=t${step.token}`), token: step.token };
    if (one === undefined || !one.client.isOpen) return { token: step.token };
    if (!isEarlier) held.push(one);
    one.client.heard();
    await one.client.say(
      text({ type: "subscribe", topics: [topic] }),
      text({ type: "publish", topic }),
    );
    return { token: one.token, ...(one.client.heard().length > 0 ? { room: topic } : {}) };
  };
}

const query = ({ token }: Step): string => `?token=t${token}`;

/** The ways of each dialect. */
export const WAYS: Readonly<Record<string, Readonly<Record<string, Way>>>> = {
  peerjs: {
    query: peerjsWay((bench, { token, id }) =>
      openPeer(bench, `key=peerjs&token=t${token}&id=${id}`)
    ),
    key: peerjsWay((bench, { token, id }) => openPeer(bench, `key=t${token}&token=x&id=${id}`)),
    bearer: peerjsWay((bench, { token, id }) =>
      openPeer(bench, `key=peerjs&token=x&id=${id}`, `t${token}`)
    ),
    issued: issuedPeer,
    drop,
  },
  gstreamer: {
    query: helloWay(query, false, false),
    bearer: helloWay(() => "", true, false),
    word: helloWay(() => "", false, true),
    room: enterRoom,
    drop,
  },
  ssp: {
    query: poolWay((bench, step) => bench.connect(`/ssp${query(step)}`)),
    bearer: poolWay((bench, { token }) => bench.connect("/ssp", { bearer: `t${token}` })),
    namespace: joinNamespace,
    again: joinAgain,
    drop,
  },
  owt: { event: logIn, query: logInByQuery, again: logInAgain, drop },
  simple: {
    join: simpleWay(() => ({})),
    query: simpleWay(() => ({}), true),
    resume: simpleWay(secretsOf),
    instance: simpleWay((step, held) => ({ ...secretsOf(step, held), p_instance: undefined })),
    posted: postedWay(() => ({})),
    "posted resume": postedWay(secretsOf),
    refresh,
    drop,
  },
  topics: { subscribe: topicWay(false), again: topicWay(true), drop },
};
