import type { Hub } from "../../core/hub.ts";
import type { DescribeOutcome, RoomOperations } from "../dialect.ts";

/**
 * The operations of an operator on the rooms of a realm.
 * @param describe describes a member as its dialect understands it; by default it has no descriptions
 */
export function roomOperations(
  hub: Hub,
  realm: string,
  describe: RoomOperations["describe"] = () => "unsupported",
): RoomOperations {
  return {
    list: () => hub.rooms(realm),
    describe(room, id, description): DescribeOutcome {
      return hub.member(realm, room, id) === undefined
        ? "unknown"
        : describe(room, id, description);
    },
    stop: (room) => hub.stopRoom(realm, room),
  };
}
