import { assert, assertEquals } from "@std/assert";
import { TempFolder } from "../helpers/store/engines.ts";
import { startMain } from "../helpers/process/main_process.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { Ledger, randomFrom, RestartedClient } from "../helpers/process/restart_load.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { pause, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The promises of README's Persistence, each of them accounted for while the real process is
// restarted under load: as planned, and by SIGKILL at any moment.

/** Each restart draws its moment anew; the executable, which users have, is restarted most. */
const RESTARTS = Deno.env.get("SIGNALBOX_BIN") === undefined ? 10 : 50;
const SEED = 20_261_121;
const CLIENTS = 4;
/** Signals that each client has on their way. */
const IN_FLIGHT = 2;
/** Longest load before a restart. */
const LOAD_MS = 900;
/** Changes acknowledged longer ago are written, on a loaded machine too; a crash costs the others. */
const WRITTEN_MS = 5_000;
/** Ids that are checked after each start: some of them are older than that. */
const MAX_IDS = 8;
const TAKEN = { type: "ID-TAKEN", payload: { msg: "ID is taken" } };

const ARGS = [
  "--listen=http://127.0.0.1:0",
  "--peerjs-reserve-ids=1h",
  // A loaded machine may take long to start the server again.
  "--peerjs-expire-timeout-ms=300000",
  "--simple-resume-ms=300000",
  "--simple-frames-per-second=unlimited",
  "--simple-bytes-per-second=unlimited",
  "--simple-max-kept-signals=10000",
  // Some clients are gone already while others go on talking to them.
  "--drain-ms=60",
];

/**
 * How the server ended last; undefined before its first end. "cut": as planned, but on a machine that
 * is too slow to seal everything in the time of the end; the log reports it.
 */
type End = "SIGTERM" | "SIGKILL" | "cut" | undefined;

/** Ids of PeerJS clients and what is held for them. */
class Reserved {
  readonly #ids = new Map<string, number>();
  #absent: string | undefined;
  kept = 0;
  delivered = 0;

  /** Checks after a start that every promise is kept. */
  async check(wsUrl: string, end: End, endedAt: number): Promise<void> {
    for (const [id, since] of this.#ids) {
      const isPlanned = end === "SIGTERM" || end === undefined;
      const isPromised = isPlanned || endedAt - since >= WRITTEN_MS;
      if (!isPromised) continue;
      await using stranger = await WsClient.open(peerJsUrl(wsUrl, id, { token: "another" }));
      assertEquals(await stranger.nextJson(), TAKEN, `${id} was not kept`);
      // Its own client has it back.
      await using _holder = await openPeerJs(wsUrl, id);
      this.kept++;
    }
    if (this.#absent === undefined || end === "cut") return;
    // Messages for the absent id come once after a planned end, and never after another one.
    await using callee = await openPeerJs(wsUrl, this.#absent);
    callee.send({ type: "OFFER", dst: this.#absent, payload: "marker" });
    const { payload } = await callee.nextJson() as { payload: unknown };
    if (end === "SIGKILL") return assertEquals(payload, "marker");
    assertEquals(payload, `to ${this.#absent}`);
    const next = await callee.nextJson() as { payload: unknown };
    assertEquals(next.payload, "marker", "A held message came twice");
    this.delivered++;
  }

  /** Has another id reserved, and a message held; resolves when the server has both. */
  async add(wsUrl: string, nth: number): Promise<void> {
    const id = `holder-${nth}`;
    await using holder = await openPeerJs(wsUrl, id);
    this.#ids.set(id, performance.now());
    for (const oldest of this.#ids.keys()) if (this.#ids.size > MAX_IDS) this.#ids.delete(oldest);
    this.#absent = `absent-${nth}`;
    holder.send({ type: "OFFER", dst: this.#absent, payload: `to ${this.#absent}` });
    holder.send({ type: "OFFER", dst: id, payload: "marker" });
    assertEquals((await holder.nextJson() as { payload: unknown }).payload, "marker");
  }
}

/** Everybody talks to everybody until the connections end. */
async function load(clients: readonly RestartedClient[], random: () => number): Promise<void> {
  const talk = async (client: RestartedClient): Promise<void> => {
    while (client.isOpen) {
      const others = clients.filter((other) => other !== client);
      await client.say(others[Math.floor(random() * others.length)]?.id ?? "");
    }
  };
  await Promise.all(
    clients.flatMap((client) => Array.from({ length: IN_FLIGHT }, () => talk(client))),
  );
}

/** Proves that everything that was said before, and acknowledged, has arrived. */
async function settle(
  clients: readonly RestartedClient[],
  ledger: Ledger,
  marker: string,
): Promise<void> {
  for (const client of clients) {
    for (const other of clients) if (other !== client) await client.mark(other.id, marker);
  }
  for (const client of clients) {
    for (const other of clients) if (other !== client) await client.heard(other.id, marker);
  }
  ledger.settle();
}

systemTest({
  name: `${RESTARTS} restarts under load keep every promise`,
  needs: "signals",
  fn: async () => {
    await using folder = await TempFolder.make();
    const random = randomFrom(SEED);
    // The clients draw at their own pace; the ends are the same in every run.
    const randomEnd = randomFrom(SEED + 1);
    const ledger = new Ledger();
    const clients = Array.from({ length: CLIENTS }, () => new RestartedClient(ledger));
    const reserved = new Reserved();
    const ends = { SIGTERM: 0, SIGKILL: 0 };
    let [end, endedAt]: [End, number] = [undefined, 0];
    let last = "";
    for (let nth = 0; nth <= RESTARTS; nth++) {
      await using server = await startMain({ args: [...ARGS, "--store", `kv:${folder.path}`] });
      const [url = ""] = server.urls;
      const wsUrl = url.replace(/^http/, "ws");
      try {
        for (const client of clients) {
          await client.enter(url, end === "cut" ? undefined : end === "SIGTERM");
        }
        await settle(clients, ledger, `marker ${nth}`);
        await reserved.check(wsUrl, end, endedAt);
        if (nth === RESTARTS) break;
        await reserved.add(wsUrl, nth);
        const next = randomEnd() < 0.6 ? "SIGTERM" : "SIGKILL";
        const talking = load(clients, random);
        // The moment has to be any: there is nothing to wait for.
        await pause(randomEnd() * LOAD_MS);
        endedAt = performance.now();
        server.signal(next);
        const { code } = await within("the end of the server", server.ended);
        if (next === "SIGTERM") assertEquals(code, 0);
        last = server.stderr().split("\n").slice(-6).join("\n");
        await talking;
        for (const client of clients) await client.ended();
        end = next === "SIGTERM" && !/stopped .*sealed=(?!"too late")/.test(last) ? "cut" : next;
        if (end !== "SIGTERM") ledger.forgive();
        if (end !== "cut") ends[end]++;
      } catch (cause) {
        const log = `${last}\n${server.stderr()}`;
        throw new Error(`Start ${nth} after ${end}, seed ${SEED}:\n${log}`, { cause });
      }
    }
    // It was a load, and both ends were met.
    const isMet = ends.SIGTERM >= RESTARTS / 5 && ends.SIGKILL >= RESTARTS / 5;
    assert(isMet, JSON.stringify(ends));
    assert(ledger.acknowledged > 10 * RESTARTS && ledger.queued > 0);
    assert(reserved.kept > RESTARTS && reserved.delivered > 0);
  },
});

systemTest({
  name: "with --no-seal clients have their ids back after a planned restart, and nothing else",
  needs: "signals",
  fn: async () => {
    await using folder = await TempFolder.make();
    const args = [...ARGS, "--no-seal", "--store", `kv:${folder.path}`];
    const client = new RestartedClient(new Ledger());
    for (let run = 0; run < 2; run++) {
      await using server = await startMain({ args });
      await client.enter(server.urls[0] ?? "", false);
      server.signal("SIGTERM");
      assertEquals((await within("the end of the server", server.ended)).code, 0);
      await client.ended();
    }
  },
});
