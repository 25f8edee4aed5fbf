import type { PeerId, RoomId } from "../../core/events.ts";
import { isObject } from "../kit/json.ts";
import { isObjection, type Profile, withServerFields } from "./description.ts";
import type { SimpleServer } from "./server.ts";

/** Adds the fields that an operator set before the peer came. */
export function withStanding(
  { rooms, limits }: Pick<SimpleServer, "rooms" | "limits">,
  { room, id }: { readonly room: RoomId; readonly id: PeerId },
  profile: Profile,
): Profile {
  const fields = rooms.description(room, id);
  if (!isObject(fields)) return profile;
  const described = withServerFields(profile, fields, limits);
  // The fields may not fit beside the client's own; joining is more important.
  return isObjection(described) ? profile : described;
}
