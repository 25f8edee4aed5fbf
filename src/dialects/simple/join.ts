import { refused } from "../../auth/authenticator.ts";
import { SignalError } from "../../core/errors.ts";
import type { PeerId } from "../../core/events.ts";
import type { Pass, Presented } from "../kit/pass.ts";
import { newServerId } from "../kit/server_ids.ts";
import { isObjection, NO_PROFILE, type TokenInfo, withServerFields } from "./description.ts";
import type { InstanceSession } from "./instance.ts";
import type { JoinFrame } from "./messages.ts";
import { peerOf, SimplePeer } from "./peer.ts";
import type { SimpleServer } from "./server.ts";

/** An id in the form of this server's own. */
const ID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** A connection's request to join. */
export interface JoinRequest extends JoinFrame {
  /** The client continues where its last connection broke off; no other has taken its place. */
  readonly isContinuation?: true;
}

/** Joins a connection to a room: as a new peer, as an earlier one, or as an instance it was. */
export async function join(
  server: SimpleServer,
  frame: JoinRequest,
  carrier: InstanceSession,
  pass: Pass | undefined,
): Promise<void> {
  const { room, p_id, p_secret, p_instance } = frame;
  checkRoom(room, server.limits.maxRoomLength);
  if (pass !== undefined) {
    await pass.present(presented(server, frame));
    checkInfo(pass.info, server.limits);
  }
  checkOwner(server, frame);
  const id = p_id ?? newServerId(server.idHalf);
  while (true) {
    // A claim of the same id may still wait for its answer; this connection then joins that peer.
    while (server.claims.has(id)) await server.claims.get(id);
    if (!carrier.link.isOpen) return;
    const peer = peerOf(server, id);
    if (peer === undefined) return await found(server, id, frame, carrier);
    if (peer.room !== room) throw noMatch();
    const instance = p_instance === undefined || p_secret === undefined
      ? undefined
      : peer.instance(p_instance, p_secret);
    if (instance === undefined) await peer.add(frame, carrier);
    else await peer.takeBack(instance, frame, carrier);
    // The step may have had to wait, and the peer or its instance be gone since.
    if (peer.links.includes(carrier.link)) return;
  }
}

/** Claims an id for a new peer; other connections that join with the id wait for the outcome. */
async function found(
  server: SimpleServer,
  id: PeerId,
  frame: JoinRequest,
  carrier: InstanceSession,
): Promise<void> {
  const claim = new SimplePeer(id, frame.room, server).found(frame, carrier);
  if (claim === undefined) return;
  const end = Promise.withResolvers<void>();
  server.claims.set(id, end.promise);
  try {
    await claim;
  } finally {
    server.claims.delete(id);
    end.resolve();
  }
}

/** Refuses a token with facts that no peer can show: they must not get lost. */
function checkInfo(info: TokenInfo, limits: SimpleServer["limits"]): void {
  if (info !== undefined && isObjection(withServerFields(NO_PROFILE, info, limits))) {
    throw refused("claims").refusal;
  }
}

/** A client chooses its id only where ids are trusted; elsewhere a secret proves that it was given. */
function presented(
  { trustIds }: SimpleServer,
  { token, room, p_id, p_secret }: JoinFrame,
): Presented {
  const isChosen = trustIds && p_id !== undefined && p_secret === undefined;
  return isChosen ? { token, room, id: p_id } : { token, room };
}

/** An id belongs to the owner of its secret; with trusted ids the id alone is enough (§10). */
function checkOwner(
  { secrets, trustIds }: SimpleServer,
  { room, p_id, p_secret }: JoinFrame,
): void {
  if (p_secret === undefined) {
    if (p_id === undefined || (trustIds && ID.test(p_id))) return;
  } else if (secrets.isValid(p_secret, p_id ?? "", room)) {
    return;
  }
  throw noMatch();
}

function checkRoom(room: string, maxLength: number): void {
  const isControl = (unit: string): boolean => unit < " " || unit === "\x7f";
  if (room.length === 0 || room.length > maxLength || [...room].some(isControl)) {
    const most = `1 to ${maxLength} characters`;
    throw new SignalError(
      "room_invalid",
      `the name of a room is ${most}, none a control character`,
    );
  }
}

/** The refusal of a client that does not own the id. */
export function noMatch(): SignalError {
  return new SignalError("id_not_issued", "p_id and p_secret do not match");
}
