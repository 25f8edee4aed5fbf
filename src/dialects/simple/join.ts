import { refused } from "../../auth/authenticator.ts";
import { SignalError } from "../../core/errors.ts";
import type { PeerId } from "../../core/events.ts";
import type { Presented } from "../kit/pass.ts";
import { newServerId } from "../kit/server_ids.ts";
import { isObjection, NO_PROFILE, type TokenInfo, withServerFields } from "./description.ts";
import type { ConnectionPass, JoinRequest } from "./connection.ts";
import type { Instance, InstanceSession } from "./instance.ts";
import type { JoinFrame } from "./messages.ts";
import type { FarClient } from "./other_nodes.ts";
import { peerOf, SimplePeer } from "./peer.ts";
import { untaken } from "./refusals.ts";
import type { SimpleServer } from "./server.ts";

/** An id in the form of this server's own. */
const ID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** A client that joins: one of this node, or one of another node at the home of its peer. */
export type Joining = InstanceSession & FarClient & { readonly isCarried: boolean };

/** How often a client follows a peer from node to node. */
const MOST_MOVES = 5;

/** Joins a connection to a room: as a new peer, as an earlier one, or as an instance it was. */
export async function join(
  server: SimpleServer,
  frame: JoinRequest,
  carrier: Joining,
  pass: ConnectionPass | undefined,
): Promise<void> {
  const { room, p_id, p_secret, p_instance } = frame;
  checkRoom(room, server.limits.maxRoomLength);
  if (pass !== undefined) {
    await pass.present(presented(server, frame));
    checkInfo(pass.info, server.limits);
  }
  checkOwner(server, frame);
  const id = p_id ?? newServerId(server.idHalf);
  const place = { isAbsent: p_id === undefined || carrier.isCarried, moves: 0 };
  while (true) {
    // A claim of the same id may still wait for its answer; this connection then joins that peer.
    while (server.claims.has(id)) await server.claims.get(id);
    const peer = peerOf(server, id);
    if (!carrier.link.isOpen) return carrier.departure === "left" ? leave(peer, frame) : undefined;
    if (peer === undefined) {
      if (await joinElsewhere(server, id, frame, carrier, place)) return;
      continue;
    }
    if (peer.room !== room) throw noMatch();
    const instance = p_instance === undefined || p_secret === undefined
      ? undefined
      : peer.instance(p_instance, p_secret);
    if (instance === undefined) await peer.add(frame, carrier);
    else if (isTaken(instance, frame)) return carrier.over();
    else await peer.takeBack(instance, continued(frame), carrier);
    // The step may have had to wait, and the peer or its instance be gone since.
    if (peer.links.includes(carrier.link)) return;
  }
}

/** Ends the instance of a client that said goodbye before its join was answered, if it is held. */
function leave(peer: SimplePeer | undefined, frame: JoinRequest): void {
  const { p_instance, p_secret } = frame;
  if (p_instance === undefined || p_secret === undefined) return;
  const instance = peer?.instance(p_instance, p_secret);
  if (instance === undefined || instance.carrier !== undefined || isTaken(instance, frame)) return;
  peer?.remove(instance, "left");
}

/** The place of a peer that is not on this node, as far as a join knows it. */
interface Whereabouts {
  /** No other node has the peer. */
  isAbsent: boolean;
  moves: number;
}

/** Joins at the peer's home, or founds the peer here; false if it may be here by now. */
async function joinElsewhere(
  server: SimpleServer,
  id: PeerId,
  frame: JoinRequest,
  carrier: Joining,
  place: Whereabouts,
): Promise<boolean> {
  const { nodes } = server;
  const outcome = nodes === undefined || place.isAbsent
    ? await foundFirst(server, id, frame, carrier)
    : await nodes.joins.join(id, frame, carrier);
  if (outcome === "joined") return true;
  place.isAbsent = outcome === "absent";
  if (++place.moves <= MOST_MOVES) return false;
  // The id is not free, and no node has a peer of this dialect with it.
  throw outcome instanceof SignalError ? outcome : untaken("unavailable");
}

/** Founds a peer here. Returns the refusal if another node may have been quicker. */
async function foundFirst(
  server: SimpleServer,
  id: PeerId,
  frame: JoinRequest,
  carrier: Joining,
): Promise<"joined" | SignalError> {
  try {
    await found(server, id, frame, carrier);
    return "joined";
  } catch (error) {
    const isQuicker = error instanceof SignalError && error.code === "id_taken" &&
      server.nodes !== undefined && frame.p_id !== undefined && !carrier.isCarried;
    if (!isQuicker) throw error;
    return error;
  }
}

/** True for a client that reconnects by itself although another one has taken its instance. */
function isTaken({ holder }: Instance, frame: JoinRequest): boolean {
  return frame.holder !== undefined && frame.holder !== holder;
}

function continued(frame: JoinRequest): JoinRequest {
  if (frame.holder === undefined) return frame;
  const { peer, ...rest } = frame;
  return { ...rest, isContinuation: true, ...(frame.isRepeated !== true && { peer }) };
}

/** Claims an id for a new peer; other connections that join with the id wait for the outcome. */
async function found(
  server: SimpleServer,
  id: PeerId,
  frame: JoinRequest,
  carrier: Joining,
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
