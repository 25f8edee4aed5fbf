import { SignalError } from "../../core/errors.ts";
import type { HttpMessage } from "../dialect.ts";
import { decodePosition } from "./event_stream.ts";
import type { Instance } from "./instance.ts";
import {
  type Credentials,
  decode,
  decodePosted,
  encodeOk,
  encodePong,
  type JoinFrame,
  withRef,
} from "./messages.ts";
import type { SimpleServer } from "./peer.ts";
import { perform } from "./session.ts";
import { frameResponse, refusalResponse } from "./wire.ts";

/** What a URL must not hold: proxies and logs keep URLs. */
const SECRETS = ["p_id", "p_secret", "p_instance"];

/** The join that a URL asks for (§2); undefined for one that names no room. */
export function joinOfUrl({ searchParams }: URL): JoinFrame | undefined {
  if (SECRETS.some((name) => searchParams.has(name))) {
    throw new SignalError("bad_frame", "secrets do not belong in URLs: send a join frame");
  }
  // Of a repeated name the last one counts.
  const parameters = new Map(searchParams);
  const room = parameters.get("room");
  const token = parameters.get("token");
  if (room === undefined) return undefined;
  const fields = [...parameters].filter(([name]) => name !== "room" && name !== "token");
  return {
    event: "join",
    room,
    ...(token === undefined ? {} : { token }),
    ...(fields.length === 0 ? {} : { peer: Object.fromEntries(fields) }),
  };
}

/** The join that opens a stream: by URL or by a posted frame, or as a continuation (§8). */
export function joinOfStream(request: HttpMessage, { secrets }: SimpleServer): JoinFrame {
  const frame = request.method === "GET" ? joinOfUrl(request.url) : decode(request.body);
  if (frame?.event !== "join") throw new SignalError("room_missing", "a stream begins with a join");
  const position = decodePosition(request.headers.get("last-event-id") ?? "");
  if (position === undefined) return frame;
  // One that is of no use is ignored: the client does not know that it sends it.
  const isUsable = secrets.isValid(position.p_secret, position.p_id, frame.room);
  return isUsable ? { ...frame, ...position } : frame;
}

/** Carries out a posted frame (§8). */
export function post(server: SimpleServer, { body }: HttpMessage): Response {
  try {
    const { frame, credentials } = decodePosted(body);
    try {
      const instance = instanceOf(server, credentials);
      if (!instance.takesPost(server.clock.now())) {
        throw new SignalError("rate_limited", "Too many messages");
      }
      if (frame.event === "join") throw new SignalError("already_joined", "an instance joins once");
      if (frame.event === "ping") return frameResponse(encodePong(frame.ref));
      const { carrier } = instance;
      const receipt = perform(instance, frame);
      if (frame.event === "leave") carrier?.left();
      return frameResponse(encodeOk(frame.ref, receipt));
    } catch (error) {
      throw withRef(error, frame.ref);
    }
  } catch (error) {
    if (error instanceof SignalError) return refusalResponse(error);
    throw error;
  }
}

function instanceOf(server: SimpleServer, credentials: Credentials | undefined): Instance {
  if (
    credentials === undefined || !server.secrets.isValid(credentials.p_secret, credentials.p_id)
  ) {
    throw new SignalError("id_not_issued", "p_id and p_secret do not match");
  }
  const { p_id, p_secret, p_instance } = credentials;
  const instance = server.peers.get(p_id)?.instance(p_instance);
  if (instance?.secret !== p_secret) {
    throw new SignalError("instance_unknown", "no such instance: join again");
  }
  return instance;
}
