import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Webhook } from "standardwebhooks";
import { freePort } from "../helpers/process/ports.ts";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until, within } from "../helpers/wire/waiting.ts";

const SECRET = `whsec_${"c2lnbmFsYm94".repeat(3)}`;
const OLD_SECRET = `whsec_${"b2xkIHNlY3JldA".repeat(2)}c2lnbmFs`;

interface Received {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly event: Readonly<Record<string, unknown>> & { readonly type: string };
}

/** An application that receives events. */
class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Headers of the answers. */
  answerHeaders: Record<string, string> = {};
  /** The answer to the next events; undefined hangs. */
  status: number | undefined = 204;
  readonly #hanging: PromiseWithResolvers<Response>[] = [];

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const body = await request.text();
        const headers = Object.fromEntries(request.headers);
        this.received.push({ headers, body, event: JSON.parse(body) });
        const { status, answerHeaders } = this;
        if (status === 200) return new Response(endless(), { status, headers: answerHeaders });
        if (status !== undefined) return new Response(null, { status, headers: answerHeaders });
        const hanging = Promise.withResolvers<Response>();
        this.#hanging.push(hanging);
        return await hanging.promise;
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/hook`;
  }

  get types(): string[] {
    return this.received.map(({ event: { type } }) => type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { resolve } of this.#hanging) resolve(new Response(null));
    await this.#server.shutdown();
  }
}

/** A body without an end. */
function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1_000)) });
}

Deno.test("a receiver gets every event in its order, signed by each secret", async () => {
  await using receiver = new Receiver();
  const server = startTestServer({
    args: ["--webhooks-url", receiver.url, "--webhooks-secret", SECRET, OLD_SECRET],
  });
  const alice = await openPeerJs(server.wsUrl, "alice");
  const bob = await openInRoom(server.wsUrl, "bob", "lobby");
  await bob.nextText();
  await bob.close();
  await alice.close();
  const expected = [
    "server.started",
    ...["peer.joined", "peer.joined", "room.started", "room.joined"],
    ...["room.left", "room.ended", "peer.left", "peer.left"],
  ];
  await until("the events", () => receiver.received.length >= expected.length);
  assertEquals(receiver.types, expected);
  await server.stop();
  assertEquals(receiver.types.slice(expected.length), ["server.draining", "server.stopped"]);

  const instances = new Set(receiver.received.map(({ event }) => event["instance"]));
  assertEquals(instances.size, 1);
  for (const { headers, body, event } of receiver.received) {
    assertEquals(headers["content-type"], "application/json");
    assertMatch(headers["webhook-id"] ?? "", /^evt_\w+$/);
    assertMatch(String(event["timestamp"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    for (const secret of [SECRET, OLD_SECRET]) new Webhook(secret).verify(body, headers);
    assertThrows(() => new Webhook(SECRET).verify(`${body} `, headers));
  }
  const left = receiver.received.find(({ event }) => event.type === "room.left")?.event["data"];
  assertEquals(left, { dialect: "gstreamer", room: "lobby", id: "bob", user: null, members: 0 });
});

Deno.test("--webhooks-events limits the types", async () => {
  await using receiver = new Receiver();
  await using server = startTestServer({
    args: [
      ...["--webhooks-url", receiver.url, "--webhooks-secret", SECRET],
      ...["--webhooks-events", "peer.*"],
    ],
  });
  await using _alice = await openPeerJs(server.wsUrl, "alice");
  await until("the event", () => receiver.received.length > 0);
  assertEquals(receiver.types, ["peer.joined"]);
});

Deno.test("a receiver that hangs holds up no client, and the end no longer than two seconds", async () => {
  await using receiver = new Receiver();
  receiver.status = undefined;
  const server = startTestServer({
    args: ["--webhooks-url", receiver.url, "--webhooks-secret", SECRET],
  });
  await until("the first attempt", () => receiver.received.length === 1);
  {
    await using bystanders = await Bystanders.join(server.wsUrl);
    for (let word = 0; word < 10; word++) await bystanders.talk();
  }
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const queued = Number(/^signalbox_webhook_queued_events (\d+)$/m.exec(text)?.[1]);
  assert(queued >= 9, `${queued} events wait`);
  await within("the end", server.stop());
  const warning = server.log.find(({ what }) => what === "events not delivered");
  assert(Number(warning?.facts["count"]) > queued, JSON.stringify(warning));
});

Deno.test("an answer is read no further than its status needs, and a redirect is not followed", async () => {
  await using receiver = new Receiver();
  receiver.status = 200;
  await using server = startTestServer({
    args: ["--webhooks-url", receiver.url, "--webhooks-secret", SECRET],
  });
  await until("the first event", () => receiver.received.length === 1);
  receiver.status = 302;
  receiver.answerHeaders = { location: "/elsewhere" };
  await using _alice = await openPeerJs(server.wsUrl, "alice");
  const line = () => server.log.find(({ what }) => what === "the webhook fails");
  await until("the failure", () => line() !== undefined);
  assertEquals(line()?.facts, { url: receiver.url, error: "status 302" });
  assertEquals(receiver.types, ["server.started", "peer.joined"]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertMatch(metrics, /^signalbox_webhook_deliveries_total\{outcome="delivered"\} 1$/m);
});

Deno.test("410 is logged once, and nothing more is sent", async () => {
  await using receiver = new Receiver();
  receiver.status = 410;
  await using server = startTestServer({
    args: ["--webhooks-url", `${receiver.url}?key=hidden`, "--webhooks-secret", SECRET],
  });
  const line = () => server.log.find(({ what }) => what === "the webhook wants no more events");
  await until("the line", () => line() !== undefined);
  assertEquals(line()?.facts, { url: receiver.url });
  await using _alice = await openPeerJs(server.wsUrl, "alice");
  const text = await (await fetch(`${server.url}/metrics`)).text();
  assertMatch(text, /^signalbox_webhook_queued_events 0$/m);
  assertEquals(receiver.received.length, 1);
});

Deno.test("a receiver that begins to fail is one warning, which shows nothing of its query", async () => {
  const url = `http://127.0.0.1:${freePort()}/hook`;
  await using server = startTestServer({
    args: ["--webhooks-url", `${url}?key=hidden`, "--webhooks-secret", SECRET],
  });
  const warnings = () => server.log.filter(({ what }) => what === "the webhook fails");
  await until("the warning", () => warnings().length > 0);
  await using _alice = await openPeerJs(server.wsUrl, "alice");
  const [first, ...others] = warnings();
  assertEquals([first?.facts["url"], others], [url, []]);
  assertMatch(String(first?.facts["error"]), /refused/i);
  assertEquals(JSON.stringify(server.log).includes("hidden"), false);
});

Deno.test("a URL without a secret is a mistake of the configuration", () => {
  assertThrows(
    () => startTestServer({ args: ["--webhooks-url", "https://example.org/hook"] }),
    Error,
    "--webhooks-secret",
  );
});
