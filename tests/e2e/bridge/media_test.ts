import { gstreamerPage, peerJsPage, rtcPoolPage, simplePage, webrtcbin } from "./clients.ts";
import { owtPage } from "./owt.ts";
import { PAGES, type Row, rowTest, WITH_GSTREAMER } from "./rows.ts";
import { sinkPage } from "./sinks.ts";

// Pictures between real clients of different protocols, one row for each pair and direction.

const ROWS: readonly Row[] = [
  {
    name: "a PeerJS page watches a GStreamer test picture that it calls",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const robot = await use(webrtcbin(server, "robot"));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call("robot");
      return [page, robot];
    },
  },
  {
    name: "webrtcbin calls a PeerJS page",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const page = await use(peerJsPage(browser, server, "page"));
      const robot = await use(webrtcbin(server, "robot", { call: "page", offer: true }));
      return [page, robot];
    },
  },
  {
    name: "a PeerJS page calls a GStreamer page",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const other = await use(gstreamerPage(browser, server, "other"));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call("other");
      return [page, other];
    },
  },
  {
    name: "a GStreamer page calls a PeerJS page",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const page = await use(peerJsPage(browser, server, "page"));
      const other = await use(
        gstreamerPage(browser, server, "other", { call: "page", offer: true }),
      );
      return [page, other];
    },
  },
  {
    name: "an RTCPool newcomer and a Simple page meet in a room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(simplePage(browser, server, "room")),
      await use(rtcPoolPage(browser, server, "room", { shares: true })),
    ],
  },
  {
    name: "a Simple newcomer and an RTCPool page meet in a room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(rtcPoolPage(browser, server, "room", { shares: true })),
      await use(simplePage(browser, server, "room")),
    ],
  },
  {
    name: "a GStreamer newcomer and an RTCPool page that sends meet in a room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(rtcPoolPage(browser, server, "room", { shares: true })),
      await use(gstreamerPage(browser, server, "other", { room: "room" })),
    ],
  },
  {
    name: "an RTCPool newcomer that sends and a GStreamer page meet in a room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(gstreamerPage(browser, server, "other", { room: "room" })),
      await use(rtcPoolPage(browser, server, "room", { shares: true })),
    ],
  },
  {
    name: "a GStreamer newcomer and a Simple page meet in a room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(simplePage(browser, server, "room")),
      await use(gstreamerPage(browser, server, "other", { room: "room" })),
    ],
  },
  {
    name: "a Simple newcomer and a GStreamer page meet in a room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(gstreamerPage(browser, server, "other", { room: "room" })),
      await use(simplePage(browser, server, "room")),
    ],
  },
  {
    name: "a PeerJS page calls a member of a Simple room",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(simplePage(browser, server, "room"));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call(member.id);
      return [page, member];
    },
  },
  {
    name: "a PeerJS page calls a silent member of a pool",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: false }));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call(member.id);
      return [page, member];
    },
    seen: [[1, 0]],
  },
  {
    name: "an RTCPool page that sends to all calls a PeerJS caller back",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: true }));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call(member.id);
      return [page, member];
    },
  },
  {
    name: "webrtcbin calls a silent member of a pool",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: false }));
      const options = { call: member.id, offer: true };
      return [await use(webrtcbin(server, "robot", options)), member];
    },
    seen: [[1, 0]],
  },
  {
    name: "webrtcbin asks a member of a pool that sends for its offer",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: true }));
      return [await use(webrtcbin(server, "robot", { call: member.id })), member];
    },
  },
  {
    name: "webrtcbin calls a member of a Simple room",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const member = await use(simplePage(browser, server, "room"));
      return [
        await use(webrtcbin(server, "robot", { call: member.id, offer: true })),
        member,
      ];
    },
  },
  {
    name: "an RTCPool page calls PeerJS and GStreamer in the lobby",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => [
      await use(peerJsPage(browser, server, "page")),
      await use(webrtcbin(server, "robot")),
      await use(rtcPoolPage(browser, server, "hall", { shares: true })),
    ],
    seen: [[0, 2], [2, 0], [1, 2], [2, 1]],
  },
  {
    name: "a Simple page calls PeerJS and GStreamer in the lobby",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(peerJsPage(browser, server, "page")),
      await use(gstreamerPage(browser, server, "other")),
      await use(simplePage(browser, server, "hall")),
    ],
    seen: [[0, 2], [1, 2], [2, 0]],
  },
  {
    name: "a PeerJS page knocks at a gstwebrtc-api producer, which calls it back",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const producer = await use(sinkPage(browser, server, { produces: true }));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call(producer.id);
      return [page, producer];
    },
    seen: [[0, 1]],
  },
  {
    name: "a GStreamer page asks a gstwebrtc-api producer for its picture",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const producer = await use(sinkPage(browser, server, { produces: true }));
      return [await use(gstreamerPage(browser, server, "other", { call: producer.id })), producer];
    },
    seen: [[0, 1]],
  },
  {
    name: "a gstwebrtc-api consumer watches webrtcbin's picture",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const robot = await use(webrtcbin(server, "robot"));
      const consumer = await use(sinkPage(browser, server, { produces: false }));
      await consumer.call("robot");
      return [consumer, robot];
    },
    seen: [[0, 1]],
  },
  {
    name: "Simple and RTCPool newcomers to the lobby watch a gstwebrtc-api producer",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(sinkPage(browser, server, { produces: true })),
      await use(rtcPoolPage(browser, server, "hall", { shares: true })),
      await use(simplePage(browser, server, "hall")),
    ],
    seen: [[1, 0], [2, 0], [1, 2], [2, 1]],
  },
  {
    name: "webrtcbin calls an OWT client",
    needs: WITH_GSTREAMER,
    meet: async (browser, server, use) => {
      const owt = await use(owtPage(browser, server, "alice"));
      return [owt, await use(webrtcbin(server, "robot", { call: "alice", offer: true }))];
    },
    seen: [[0, 1]],
  },
  {
    name: "a PeerJS page calls an OWT client",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const owt = await use(owtPage(browser, server, "alice"));
      const page = await use(peerJsPage(browser, server, "page"));
      await page.call("alice");
      return [owt, page];
    },
    seen: [[0, 1]],
  },
  {
    name: "an OWT client publishes to a PeerJS page",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const page = await use(peerJsPage(browser, server, "page"));
      const owt = await use(owtPage(browser, server, "alice"));
      await owt.call("page");
      return [page, owt];
    },
    seen: [[0, 1]],
  },
  {
    name: "an OWT client publishes to a silent member of a pool",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(rtcPoolPage(browser, server, "pool", { shares: false }));
      const owt = await use(owtPage(browser, server, "alice"));
      await owt.call(member.id);
      return [member, owt];
    },
    seen: [[0, 1]],
  },
  {
    name: "an OWT client publishes to a member of a Simple room",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const member = await use(simplePage(browser, server, "room"));
      const owt = await use(owtPage(browser, server, "alice"));
      await owt.call(member.id);
      return [member, owt];
    },
    seen: [[0, 1]],
  },
  {
    name: "an OWT client publishes to a GStreamer page",
    needs: PAGES,
    meet: async (browser, server, use) => {
      const other = await use(gstreamerPage(browser, server, "other"));
      const owt = await use(owtPage(browser, server, "alice"));
      await owt.call("other");
      return [other, owt];
    },
    seen: [[0, 1]],
  },
  {
    name: "three protocols share one room",
    needs: PAGES,
    meet: async (browser, server, use) => [
      await use(gstreamerPage(browser, server, "other", { room: "room" })),
      await use(simplePage(browser, server, "room")),
      await use(rtcPoolPage(browser, server, "room", { shares: true })),
    ],
  },
];

for (const row of ROWS) rowTest(row);
