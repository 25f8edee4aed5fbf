import type { Hub } from "../../core/hub.ts";
import type { PeerHandle } from "../../core/types.ts";
import type { Described, RoomOperations } from "../dialect.ts";

/**
 * What an operator may do with the rooms of a realm.
 * @param describe what a description is, and what follows from one, is the dialect's to know
 */
export function roomOperations(
  hub: Hub,
  realm: string,
  describe: (member: PeerHandle, description: unknown) => Described,
): RoomOperations {
  return {
    list: () => hub.rooms(realm),
    describe(room, id, description): Described {
      const member = hub.member(realm, room, id);
      return member === undefined ? "unknown" : describe(member, description);
    },
    stop: (room) => hub.stopRoom(realm, room),
  };
}
