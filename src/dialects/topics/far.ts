import type { FarReceiver } from "../../core/nodes/far_channels.ts";
import { LostPage } from "./lost_pages.ts";
import { encode, type Publish, type YjsNote } from "./messages.ts";
import type { TopicsServer } from "./server.ts";

/** A publication of Yjs' shape on its way between nodes; each counts the subscribers anew. */
export interface FarYjs {
  readonly text: string;
  readonly hasClients: boolean;
  readonly note: YjsNote | undefined;
  /** A signal for a node on which its receiver has announced itself, and for nobody else. */
  readonly isDirected: boolean;
}

/** The ids that have been announced on a node, for one that joins the topic later. */
interface FarIds {
  readonly ids: readonly string[];
}

/** Signals to further ids go to all subscribers. */
const MOST_IDS = 1_000;

/** The publication as other nodes get it. */
export function farYjs(
  { text, hasClients, note }: Publish & { readonly shape: "yjs" },
  isDirected = false,
): FarYjs {
  return { text, hasClients, note, isDirected };
}

/** Delivers publications of Yjs' shape that come from other nodes. */
export function yjsReceiver(server: () => TopicsServer): FarReceiver {
  return {
    arrived(topic, payload, from): void {
      const { channels: { yjs }, counts, isBroadcast } = server();
      // Nodes send nothing else in these channels.
      const sent = payload as FarYjs | FarIds;
      if ("ids" in sent) return sent.ids.forEach((id) => yjs.far?.learn(topic, from, id));
      const { isDirected, ...rest } = sent;
      const { note } = rest;
      const publish = { type: "publish", shape: "yjs", topic, ...rest } as const;
      const text = encode({ type: "yjs", publish, clients: yjs.count(topic) });
      const publication = { text, announcement: undefined };
      if (note?.type === "announce") yjs.far?.learn(topic, from, note.from);
      const taken = note?.type === "signal" && !isBroadcast
        ? yjs.publishTo(topic, note.to, publication)
        : undefined;
      if (taken !== undefined) counts.delivered += taken;
      // The receiver of a directed signal may have left: no other page gets the signal.
      else if (!isDirected) yjs.publish(topic, publication, counts.onDelivered);
    },
    met(topic, member): void {
      const { yjs } = server().channels;
      const ids = [...yjs.names(topic)].slice(-MOST_IDS);
      const bytes = ids.reduce((sum, { length }) => sum + length, 0);
      const payload: FarIds = { ids };
      if (ids.length > 0) yjs.far?.send(topic, payload, bytes, [member]);
    },
    noted: () => {},
  };
}

/** The same for Trystero's shape, which passes as its subscribers receive it; and lost pages. */
export function trysteroReceiver(server: () => TopicsServer): FarReceiver {
  return {
    arrived(topic, payload): void {
      const { channels: { trystero }, counts } = server();
      const publication = { text: String(payload), announcement: undefined };
      trystero.publish(topic, publication, counts.onDelivered);
    },
    met: () => {},
    noted(note): void {
      const { lost, clock, resumeMs } = server();
      const page = LostPage.safeParse(note);
      if (page.success) lost.add({ ...page.data, expiresAtMs: clock.now() + resumeMs });
    },
  };
}
