import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/session.ts";
import { owt as dialect } from "../../../src/dialects/owt/mod.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import type { TestClient } from "../../helpers/session/hub.ts";
import { authenticated, frameOf } from "../../helpers/session/owt.ts";
import type { Driver, Talk, Way } from "../driver.ts";

const MESSAGES = ["owt-message", "ics-message"];
/** In OWT a login takes an id over, so attackers take the ids of strangers and not of friends. */
const TOKENS = ["eve", "mallory", "", "__proto__"];

const talk: Talk = {
  say: (to, data) => frameOf(undefined, "owt-message", { to, data }),
  heard: (from, _to, data) => frameOf(undefined, "owt-message", { data, from }),
};

async function logInByEvent(bench: DialectBench, token: string): Promise<TestClient> {
  const client = await bench.connectTo("/");
  await client.say(frameOf(undefined, "authentication", { token }));
  return client;
}

function logInByQuery(bench: DialectBench, token: string): Promise<TestClient> {
  return bench.connectTo("/", `?${new URLSearchParams({ clientVersion: "4.3", token })}`);
}

function way(name: string, enter: Way["enter"]): Way {
  return {
    name,
    enter,
    welcome: (client, id) => {
      assertEquals(client.heard(), [authenticated(id)]);
      return id;
    },
    meet: () => Promise.resolve(talk),
    hasty: { talk, say: (to, texts) => texts.map((text) => talk.say(to, text)) },
    isHarmless: (frame, friends) => {
      const [name, message] = eventOf(frame);
      return MESSAGES.includes(name) && !("to" in message) && !friends.includes(about(frame));
    },
  };
}

export const owt: Driver = {
  dialect,
  ways: [
    way("after logging in by event", logInByEvent),
    way("after logging in by query", logInByQuery),
    way(
      "across generations",
      (bench, name) => name === "alice" ? logInByQuery(bench, name) : logInByEvent(bench, name),
    ),
  ],
  connect: (bench, url) => bench.connectTo("/", new URL(url, "http://signalbox.test").search),
  linger: (bench) => bench.connectTo("/"),
  rival: { connect: logInByEvent, prevails: "rival", asks: isLoginAs },
  about,
  valid: (names) => {
    const id = fc.option(fc.nat(99), { nil: undefined });
    const login = fc.record({ token: anyOf(TOKENS) }, { requiredKeys: [] });
    const message = fc.record({
      to: anyOf(names),
      data: fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 2 })),
      from: anyOf(TOKENS),
    }, { requiredKeys: ["to"] });
    const event = fc.oneof(
      fc.tuple(id, fc.constant("authentication"), login),
      { weight: 3, arbitrary: fc.tuple(id, fc.constantFrom(...MESSAGES), message) },
      fc.tuple(id, fc.constantFrom("server-disconnect", "", "x"), message),
    );
    return event.map(([ack, name, argument]) => frameOf(ack, name, argument));
  },
  madeUp: /[0-9a-f]{32}@anonymous/g,
  rooms: [],
};

function anyOf(names: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...names) },
    fc.jsonValue({ maxDepth: 1 }),
  );
}

/** Whether a frame, which may be anything, is a login under one of the ids. */
function isLoginAs(frame: Frame, ids: readonly string[]): boolean {
  try {
    const [name, argument] = JSON.parse(String(frame).replace(/^2\d*/, ""));
    return name === "authentication" && ids.includes(argument["token"]);
  } catch {
    return false;
  }
}

function about(frame: Frame): string {
  if (!String(frame).startsWith("2")) return "";
  const from = eventOf(frame)[1]["from"];
  return typeof from === "string" ? from : "";
}

/** Name and argument; no event of the server has more, and those without are of the server's end. */
function eventOf(frame: Frame): [name: string, argument: Record<string, unknown>] {
  const [name, argument = {}, ...more] = JSON.parse(String(frame).slice(1));
  assert(typeof name === "string" && typeof argument === "object" && more.length === 0);
  return [name, argument];
}
