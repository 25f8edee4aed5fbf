import { SignalError } from "../../core/errors.ts";
import type { Visit } from "../../core/visit.ts";
import type { Posted, Posting } from "../../http/route.ts";
import { judgePosted } from "../kit/pass.ts";
import { decodePosition } from "./event_stream.ts";
import type { Instance } from "./instance.ts";
import {
  type ClientFrame,
  decode,
  decodePosted,
  encodeOk,
  encodePong,
  type InstanceCredentials,
  type JoinFrame,
  type PostedFrame,
  withRef,
} from "./messages.ts";
import { peerOf } from "./peer.ts";
import type { SimpleServer } from "./server.ts";
import type { JoinRequest } from "./connection.ts";
import { noMatch } from "./join.ts";
import {
  identityOf,
  judgedIdentity,
  type Renewal,
  type SentPosted,
  type SentRefusal,
} from "./node_messages.ts";
import { noConnection, untaken } from "./refusals.ts";
import { perform } from "./session.ts";
import { frameResponse } from "./wire.ts";

/** Parameters that must not be in a URL, because proxies and logs keep URLs. */
const SECRETS = ["p_secret", "p_instance"];
/** Parameters of a join; all others are custom fields. */
const PARAMETERS: ReadonlySet<string> = new Set(["room", "token", "p_id"]);

/** The join that a URL asks for (§2); undefined for one that names no room. */
export function joinOfUrl(
  url: URL,
  { trustIds }: Pick<SimpleServer, "trustIds">,
): JoinFrame | undefined {
  if (url.search === "") return undefined;
  const { searchParams } = url;
  const isSecret = (name: string): boolean => searchParams.has(name);
  if (SECRETS.some(isSecret) || (!trustIds && isSecret("p_id"))) {
    throw new SignalError("bad_frame", "secrets do not belong in URLs: send a join frame");
  }
  // The last value of a repeated name counts.
  const parameters = new Map(searchParams);
  const room = parameters.get("room");
  if (room === undefined) return undefined;
  const fields = [...parameters].filter(([name]) => !PARAMETERS.has(name));
  return {
    event: "join",
    room,
    token: parameters.get("token"),
    p_id: parameters.get("p_id"),
    peer: fields.length === 0 ? undefined : Object.fromEntries(fields),
  };
}

/**
 * The join that opens a stream: by URL, by a posted frame, or as a continuation (§8). "over" for a
 * client that reconnects by itself although it has left, or another client has its instance.
 */
export function joinOfStream(
  url: URL,
  { method, body, lastEventId = "" }: Posting,
  server: SimpleServer,
): JoinRequest | "over" {
  const position = decodePosition(lastEventId);
  if (position === "over") return position;
  const frame = method === "GET" ? joinOfUrl(url, server) : decode(body, server.limits);
  if (frame === undefined) throw new SignalError("room_missing", "the URL names no room");
  if (frame.event !== "join") {
    throw withRef(new SignalError("bad_frame", "a stream begins with a join"), frame.ref);
  }
  // A useless position is ignored, because the client does not know that it sends one.
  if (position === undefined) return frame;
  const { holder, ...credentials } = position;
  const { p_id, p_secret, p_instance } = credentials;
  if (!server.secrets.isValid(p_secret, p_id, frame.room)) return frame;
  if (server.departed.has(p_secret)) return "over";
  const peer = peerOf(server, p_id);
  // Another node may have it.
  if (peer === undefined) return { ...frame, ...credentials, holder, isRepeated: method === "GET" };
  const instance = peer.instance(p_instance, p_secret);
  if (instance !== undefined && instance.holder !== holder) return "over";
  const again = { ...frame, ...credentials, isContinuation: true } as const;
  // The newest description counts, not the one that the URL repeats.
  return method === "GET" ? { ...again, peer: undefined } : again;
}

/** Carries out a posted frame (§8), at its peer's home. */
export async function post(
  server: SimpleServer,
  { body }: Posting,
  visit: Visit,
): Promise<Posted> {
  const outcome = await postHere(server, body, { visit });
  const isProven = outcome.isProven;
  return "frame" in outcome
    ? { response: frameResponse(outcome.frame), isProven }
    : { refusal: outcome.refusal, isProven };
}

/** The outcome of a posted frame: the answer's frame, or the refusal. */
type PostOutcome =
  & ({ readonly frame: string } | { readonly refusal: SignalError })
  & { readonly isProven: boolean };

/**
 * @param visit of a client of this node; without it the peer is here or nowhere, unless it moves just now
 * @param isProbe asks for another node whether a frame would be taken
 */
export async function postHere(
  server: SimpleServer,
  body: string,
  { visit, isProbe = false }: { readonly visit?: Visit; readonly isProbe?: boolean },
): Promise<PostOutcome> {
  let isProven = false;
  try {
    const posted = decodePosted(body, server.limits);
    try {
      const credentials = posted.credentials();
      const { p_id, p_secret, p_instance } = credentials;
      isProven = server.secrets.isValid(p_secret, p_id);
      if (!isProven) throw noMatch();
      const mayMove = server.claims.has(p_id);
      while (server.claims.has(p_id)) await server.claims.get(p_id);
      if ((visit !== undefined || mayMove) && peerOf(server, p_id) === undefined) {
        const carried = visit === undefined
          ? await server.nodes?.posts.post(credentials, body)
          : await postElsewhere(server, posted, { credentials, body, visit });
        if (carried !== undefined) return { ...outcomeOf(carried), isProven };
      }
      const instance = peerOf(server, p_id)?.instance(p_instance, p_secret);
      if (instance === undefined) {
        throw new SignalError("instance_unknown", "no such instance: join again");
      }
      if (!isProbe && !instance.takesPost(body.length, server.clock.now())) {
        throw new SignalError("rate_limited", "Too many messages");
      }
      return { frame: await carryOut(server, instance, posted.decode()), isProven };
    } catch (error) {
      throw withRef(error, posted.ref);
    }
  } catch (error) {
    if (error instanceof SignalError) return { refusal: error, isProven };
    throw error;
  }
}

/**
 * Carries a frame to the peer's home, once that shows that it takes frames for the instance. A token is
 * judged here then, and does not leave this node.
 */
async function postElsewhere(
  server: SimpleServer,
  posted: PostedFrame,
  { credentials, body, visit }: {
    readonly credentials: InstanceCredentials;
    readonly body: string;
    readonly visit: Visit;
  },
): Promise<SentPosted | undefined> {
  const { nodes, clock } = server;
  const { ref } = posted;
  const pong = await nodes?.posts.reach(credentials);
  if (pong === undefined) return undefined;
  if ("refusal" in pong) throw refusalOf(pong.refusal);
  if (!posted.isRefresh) return await nodes?.posts.post(credentials, body);
  const frame = posted.decode();
  if (frame.event !== "refresh") return undefined;
  const identity = await judgePosted(server, frame.token, visit);
  const judged = identity && judgedIdentity(identity, clock.now());
  return await nodes?.posts.renew({ credentials, ref, judged });
}

/** Gives the token that another node has judged to the connection of an instance of this one. */
export async function renewHere(
  server: SimpleServer,
  { credentials: { p_id, p_secret, p_instance }, ref, judged }: Renewal,
): Promise<PostOutcome> {
  try {
    while (server.claims.has(p_id)) await server.claims.get(p_id);
    const carrier = peerOf(server, p_id)?.instance(p_instance, p_secret)?.carrier;
    if (carrier === undefined) throw noConnection();
    if (judged !== undefined) await carrier.renew(identityOf(judged, server.clock.now()));
    return { frame: encodeOk(ref, undefined), isProven: true };
  } catch (error) {
    const refusal = withRef(error, ref);
    if (refusal instanceof SignalError) return { refusal, isProven: true };
    throw error;
  }
}

/** The outcome at the peer's home. */
function outcomeOf(
  sent: SentPosted,
): { readonly frame: string } | { readonly refusal: SignalError } {
  return "frame" in sent ? { frame: sent.frame } : { refusal: refusalOf(sent.refusal) };
}

function refusalOf({ code, message, details }: SentRefusal): SignalError {
  return new SignalError(code, message, details);
}

/** Carries out a frame and returns the answer. */
async function carryOut(
  { posts }: Pick<SimpleServer, "posts">,
  instance: Instance,
  frame: ClientFrame,
): Promise<string> {
  if (frame.event === "join") throw new SignalError("already_joined", "an instance joins once");
  if (frame.event === "ping") return encodePong(frame.ref);
  if (frame.event === "signal") {
    using post = posts.expect();
    instance.peer.signal(instance, frame, post.via);
    const outcome = await post.settled;
    if ("refused" in outcome) throw untaken(outcome.refused);
    return encodeOk(frame.ref, outcome);
  }
  const { carrier } = instance;
  await perform(instance, frame, "");
  if (frame.event === "leave") carrier?.left();
  return encodeOk(frame.ref, undefined);
}
