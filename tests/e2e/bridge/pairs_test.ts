import { gstreamerPage, peerJsPage, rtcPoolPage, simplePage } from "./clients.ts";
import { owtPage } from "./owt.ts";
import { PAGES, type Row, rowTest } from "./rows.ts";
import { sinkPage } from "./sinks.ts";

// More pictures between real clients: OWT and webrtcsink with all others, and newcomers of a
// GStreamer room in the lobby.

/** Sorts before every id that the server makes, and after it. */
const [SMALL, GREAT] = ["0-alice", "zoe"];

const ROWS: readonly Row[] = [
  {
    name: "a GStreamer newcomer to the lobby calls PeerJS and OWT",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(peerJsPage(browser, server, "page")),
      await use(owtPage(browser, server, "alice")),
      await use(gstreamerPage(browser, server, "other", { room: "hall" })),
    ],
    // OWT sends nothing when it answers.
    seen: [[0, 2], [2, 0], [1, 2]],
  },
  {
    name: "a GStreamer newcomer to the lobby watches a gstwebrtc-api producer",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(sinkPage(browser, server, { produces: true })),
      await use(gstreamerPage(browser, server, "other", { room: "hall" })),
    ],
    seen: [[1, 0]],
  },
  {
    name: "an RTCPool page calls OWT in the lobby, which then publishes",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const owt = await use(owtPage(browser, server, "alice"));
      const member = await use(rtcPoolPage(browser, server, "hall", { shares: true }));
      await owt.sees(member);
      await owt.call(member.id);
      return [owt, member];
    },
  },
  {
    name: "a Simple page calls OWT in the lobby, which then publishes",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const owt = await use(owtPage(browser, server, "alice"));
      const member = await use(simplePage(browser, server, "hall"));
      await owt.sees(member);
      await owt.call(member.id);
      return [owt, member];
    },
  },
  {
    name: "a GStreamer page calls OWT, which then publishes",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const owt = await use(owtPage(browser, server, "alice"));
      const other = await use(
        gstreamerPage(browser, server, "other", { call: "alice", offer: true }),
      );
      await owt.sees(other);
      await owt.call("other");
      return [owt, other];
    },
  },
  {
    name: "an OWT client with a small id publishes to an RTCPool page that sends to all",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: true }));
      const owt = await use(owtPage(browser, server, SMALL));
      await owt.page.call("publish", member.id);
      return [owt, member];
    },
  },
  {
    name: "an OWT client with a great id cannot publish to an RTCPool page that sends to all",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: true }));
      const owt = await use(owtPage(browser, server, GREAT));
      await owt.page.call("publish", member.id);
      await owt.page.call("happened", "chat-closed");
      return [];
    },
  },
  {
    name: "an OWT client cannot publish to a gstwebrtc-api producer",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const producer = await use(sinkPage(browser, server, { produces: true }));
      const owt = await use(owtPage(browser, server, GREAT));
      await owt.page.call("publish", producer.id);
      await owt.page.call("happened", "chat-closed");
      return [];
    },
  },
  {
    name: "a gstwebrtc-api consumer offers to receive, and connects to OWT without pictures",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const owt = await use(owtPage(browser, server, "alice"));
      const consumer = await use(sinkPage(browser, server, { produces: false }));
      await consumer.offer("alice");
      await owt.page.call("happened", "connected");
      return [];
    },
  },
  {
    name: "a gstwebrtc-api consumer offers to receive, and watches PeerJS",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const page = await use(peerJsPage(browser, server, "page"));
      const consumer = await use(sinkPage(browser, server, { produces: false }));
      await consumer.offer("page");
      return [consumer, page];
    },
    seen: [[0, 1]],
  },
  {
    name: "a gstwebrtc-api consumer offers to receive, and watches a member of a Simple room",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(simplePage(browser, server, "room"));
      const consumer = await use(sinkPage(browser, server, { produces: false }));
      await consumer.offer(member.id);
      return [consumer, member];
    },
    seen: [[0, 1]],
  },
  {
    name: "a gstwebrtc-api consumer asks an RTCPool page that sends to all, and watches it",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: true }));
      const consumer = await use(sinkPage(browser, server, { produces: false }));
      await consumer.ask(member.id);
      return [consumer, member];
    },
    seen: [[0, 1]],
  },
  {
    name: "a PeerJS page calls a GStreamer page in the lobby",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(gstreamerPage(browser, server, "member", { room: "hall" }));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call("member");
      return [page, member];
    },
  },
  {
    name: "an OWT client publishes to a GStreamer page in the lobby",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(gstreamerPage(browser, server, "member", { room: "hall" }));
      const owt = await use(owtPage(browser, server, "alice"));
      await owt.call("member");
      return [member, owt];
    },
    seen: [[0, 1]],
  },
  {
    name: "two members of a room go on when a third, of another protocol, leaves",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(gstreamerPage(browser, server, "other", { room: "room" })),
      await use(rtcPoolPage(browser, server, "room", { shares: true })),
      await use(simplePage(browser, server, "room")),
    ],
    then: async ([gstreamer, rtcPool, simple]) => {
      if (gstreamer === undefined || rtcPool === undefined) return;
      await simple?.leave();
      await Promise.all([gstreamer.sees(rtcPool), rtcPool.sees(gstreamer)]);
    },
  },
];

for (const row of ROWS) rowTest(row);
