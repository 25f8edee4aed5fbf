import type { PeerId, RoomId } from "../../core/events.ts";
import { isObject } from "../kit/json.ts";
import { isObjection, type Profile, type TokenInfo, withServerFields } from "./description.ts";
import type { SimpleServer } from "./server.ts";

/** A peer as the server describes it. */
interface Described {
  readonly room: RoomId;
  readonly id: PeerId;
  /** The facts of its client's token. */
  readonly info: TokenInfo;
}

/** The server's fields of a peer: those of its token, and those of the operator, which win. */
export function standingFields(
  { rooms }: Pick<SimpleServer, "rooms">,
  { room, id, info }: Described,
): Readonly<Record<string, unknown>> {
  const fields = rooms.description(room, id);
  return { ...info, ...(isObject(fields) ? fields : {}) };
}

/** Adds the fields that the server knew before the peer came. */
export function withStanding(
  server: Pick<SimpleServer, "rooms" | "limits">,
  peer: Described,
  profile: Profile,
): Profile {
  const fields = standingFields(server, peer);
  if (Object.keys(fields).length === 0) return profile;
  const described = withServerFields(profile, fields, server.limits);
  // The fields may not fit beside the client's own; joining is more important.
  return isObjection(described) ? profile : described;
}
