import type { Channels } from "../../core/channels.ts";
import type { OperatedRoom, RoomOperations } from "../dialect.ts";
import type { Shape } from "./messages.ts";
import type { Publication, Subscription } from "./subscription.ts";

/** Topics in an operator's hands: subscribers are counted and not named, because they have no ids. */
export function topicOperations(
  channels: Readonly<Record<Shape, Channels<Publication, Subscription>>>,
): RoomOperations {
  const listed = (shape: Shape): OperatedRoom[] =>
    channels[shape].list().map(({ name, subscribers }) => ({
      id: name,
      members: [],
      facts: { shape, subscribers },
    }));
  const list = (): OperatedRoom[] => [...listed("yjs"), ...listed("trystero")];
  return {
    list,
    listIdle: list,
    describe: () => "unsupported",
    stop(topic): boolean {
      // Both are ended: a topic of one shape may have the name of one of the other.
      const stopped = [channels.yjs.stop(topic), channels.trystero.stop(topic)];
      return stopped.includes(true);
    },
  };
}
