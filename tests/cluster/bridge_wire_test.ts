import { startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { callAndHangUp, pairsOf } from "../helpers/session/bridge_calls.ts";
import {
  dialectOf,
  HALL,
  PARTIES,
  type Party,
  PARTY_NAMES,
} from "../helpers/session/bridge_parties.ts";
import { partiesAt, type WirePartyClient } from "../helpers/wire/party_bench.ts";
import { until } from "../helpers/wire/waiting.ts";

// A call of each ordered pair of protocols, between two real nodes over a real engine.

const DIALECTS = [...new Set(PARTY_NAMES.map(dialectOf))];

clientTest({
  name: "cluster, bridge: clients of each pair of protocols call each other on two nodes",
  needs: ["redis-server"],
  fn: async (context) => {
    await using nodes = await startNodes(2, DIALECTS, [
      "--bridge",
      "all",
      "--bridge-lobby",
      HALL,
    ]);
    for (const [nth, [calling, called]] of pairsOf(PARTY_NAMES).entries()) {
      await context.step(`${calling} calls ${called}`, async () => {
        await using undo = new AsyncDisposableStack();
        const open = async (end: "caller" | "callee"): Promise<Party<WirePartyClient>> => {
          const [name, at] = end === "caller" ? [calling, 0] as const : [called, 1] as const;
          return await PARTIES[name](partiesAt(nodes.wsUrl(at), undo), `${end}${nth}`);
        };
        // The node of the older client keeps the call.
        const isCallersCall = nth % 2 === 0;
        const first = await open(isCallersCall ? "caller" : "callee");
        const second = await open(isCallersCall ? "callee" : "caller");
        const [caller, callee] = isCallersCall ? [first, second] : [second, first];
        const ends = [[calling, caller], [called, callee]] as const;
        await callAndHangUp({ until }, ...ends, nth % 4 < 2 ? "caller" : "callee");
      });
    }
  },
});
