import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { clientTest, programOf } from "../helpers/process/clients.ts";
import { LineProcess } from "../helpers/process/line_process.ts";
import { openGst } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";

const PEER = fileURLToPath(new URL("gstreamer/soup_peer.py", import.meta.url));
const LIMIT = 131_072;
const WARNING = "message too large for C clients on libsoup";

for (
  const { higher, name } of [{ name: "ends" }, { higher: "1048576", name: "that may, goes on" }]
) {
  clientTest({
    name: `libsoup: at a message of more than 131,072 bytes a client ${name}, and the log warns`,
    needs: ["libsoup"],
    fn: async () => {
      await using server = startTestServer();
      const limit = higher === undefined ? [] : [higher];
      const args = [PEER, `${server.wsUrl}/`, "soup", ...limit];
      await using peer = new LineProcess(programOf("libsoup"), args);
      assertEquals(await peer.next(), "message 5"); // HELLO
      await using caller = await openGst(server.wsUrl, "caller");
      caller.send("SESSION soup");
      assertEquals(await caller.nextText(), "SESSION_OK");
      caller.send("x".repeat(LIMIT));
      assertEquals(await peer.next(), `message ${LIMIT}`);
      caller.send("x".repeat(LIMIT + 1));
      const outcome = await peer.next();
      if (higher === undefined) {
        assert(outcome.startsWith("error Received "), outcome);
        await within("the partner's end", caller.closed);
      } else {
        assertEquals(outcome, `message ${LIMIT + 1}`);
        await caller.close();
      }
      assertEquals(await peer.next(), "closed");
      const warnings = server.log.filter(({ what }) => what === WARNING);
      assertEquals(warnings.map(({ facts }) => facts["bytes"]), [LIMIT + 1]);
    },
  });
}
