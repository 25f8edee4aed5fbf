import { assertEquals, assertStringIncludes } from "@std/assert";
import { CallJournal } from "../../src/observe/call_journal.ts";
import type { Facts, Log } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const PAIR = {
  caller: { id: "page", dialect: "peerjs" },
  callee: { id: "robot", dialect: "gstreamer" },
};

function newBench(isDebug: boolean): { journal: CallJournal; metrics: Metrics; lines: Facts[] } {
  const lines: Facts[] = [];
  const writeForClient = (_level: string, _what: string, facts: Facts) => void lines.push(facts);
  const log: Log = { isDebug, write: () => {}, writeForClient };
  const metrics = new Metrics(new FakeClock());
  return { journal: new CallJournal(log, metrics), metrics, lines };
}

Deno.test("bridged calls are counted by pair and outcome, refusals and drops by their kind", async () => {
  const { journal, metrics, lines } = newBench(false);
  journal.tell({ type: "begun", ...PAIR });
  journal.tell({ type: "ended", ...PAIR, why: "hung-up" });
  journal.tell({ type: "untaken", dialect: "gstreamer", reason: "cannot_be_asked" });
  journal.tell({ type: "dropped", dialect: "peerjs", kind: "candidate" });
  const text = await metrics.expose();
  const pair = 'caller="peerjs",callee="gstreamer"';
  for (
    const line of [
      `signalbox_bridged_calls_total{${pair},outcome="begun"} 1`,
      `signalbox_bridged_calls_total{${pair},outcome="hung-up"} 1`,
      'signalbox_bridged_refusals_total{dialect="gstreamer",reason="cannot_be_asked"} 1',
      'signalbox_bridged_drops_total{dialect="peerjs",kind="candidate"} 1',
    ]
  ) assertStringIncludes(text, line);
  assertEquals(lines, []);
});

Deno.test("a debug line names both ends of a bridged call", () => {
  const { journal, lines } = newBench(true);
  journal.tell({ type: "answered", ...PAIR });
  assertEquals(lines, [
    { outcome: "answered", caller: "page", callee: "robot", from: "peerjs", to: "gstreamer" },
  ]);
});
