import { assert, assertNotEquals } from "@std/assert";
import { Secrets } from "../../../src/dialects/simple/secrets.ts";

interface Keys {
  current: Uint8Array;
  previous: Uint8Array | undefined;
}

const ID = "0c9d1a52-5b1e-4f43-8d0e-6a6a2c3b4d5e";

Deno.test("a rotation changes what a room's next secrets are made with", () => {
  const keys: Keys = { current: key(1), previous: undefined };
  const secrets = new Secrets(keys);
  const first = secrets.issue("room", ID);
  rotate(keys, key(2));
  const second = secrets.issue("room", ID);
  for (const secret of [first, second]) assert(secrets.isValid(secret, ID, "room"));
  rotate(keys, key(3));
  assert(!secrets.isValid(first, ID, "room"));
  assert(secrets.isValid(second, ID, "room"));
  assert(secrets.isValid(secrets.issue("room", ID), ID, "room"));
});

Deno.test("secrets of one room and id differ, and belong to no other room or id", () => {
  const secrets = new Secrets({ current: key(1), previous: undefined });
  const [one, other] = [secrets.issue("room", ID), secrets.issue("room", ID)];
  assertNotEquals(one, other);
  assert(!secrets.isValid(one, ID, "other room"));
  assert(!secrets.isValid(one, `${ID}0`, "room"));
});

Deno.test("secrets stay valid when more rooms have been joined than are remembered", () => {
  const secrets = new Secrets({ current: key(1), previous: undefined });
  const rooms = Array.from({ length: 1_500 }, (_, nth) => `room ${nth}`);
  const issued = rooms.map((room) => ({ room, secret: secrets.issue(room, ID) }));
  for (const { room, secret } of issued) assert(secrets.isValid(secret, ID, room));
  const again = secrets.issue("room 0", ID);
  assert(secrets.isValid(again, ID, "room 0"));
});

function key(n: number): Uint8Array {
  return new Uint8Array(32).fill(n);
}

function rotate(keys: Keys, to: Uint8Array): void {
  [keys.previous, keys.current] = [keys.current, to];
}
