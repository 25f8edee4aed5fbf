import { assertEquals } from "@std/assert";
import { BridgeBench } from "../helpers/session/bridge.ts";
import { callAndHangUp, clockStage, pairsOf } from "../helpers/session/bridge_calls.ts";
import {
  HALL,
  IN_ROOMS,
  PARTIES,
  type Party,
  PARTY_NAMES,
} from "../helpers/session/bridge_parties.ts";
import { hubs } from "../helpers/session/hub_modes.ts";
import { forgetClusters } from "../helpers/cluster/dealt.ts";

// A call of each ordered pair of protocols whose ends are on two nodes. The node of the older client
// keeps it, so either client is the older one once.

hubs.mode = "dealt";

for (const [calling, called] of pairsOf(PARTY_NAMES)) {
  Deno.test(`two nodes: ${calling} calls ${called}, and either hangs up`, async () => {
    for (const older of ["caller", "callee"] as const) {
      for (const hangsUp of ["caller", "callee"] as const) {
        forgetClusters();
        using bench = new BridgeBench(IN_ROOMS.has(calling) ? { lobby: HALL } : {});
        const open = async (end: "caller" | "callee"): Promise<Party> =>
          await PARTIES[end === "caller" ? calling : called](bench, end);
        const first = await open(older);
        const second = await open(older === "caller" ? "callee" : "caller");
        const [caller, callee] = older === "caller" ? [first, second] : [second, first];
        for (const party of [caller, callee]) party.news();
        await callAndHangUp(clockStage(bench), [calling, caller], [called, callee], hangsUp);
        assertEquals(bench.calls.count, 0);
        assertEquals(bench.pairs(), []);
      }
    }
  });
}
