import { assertEquals } from "@std/assert";
import { openReload, type ReloadParts } from "../../../src/server/operators/reload.ts";
import type { TlsMaterial } from "../../../src/transport/transport.ts";
import { configOf } from "../../helpers/session/config.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { settle } from "../../helpers/session/hub.ts";

// A certificate that changes again while the listeners take up the one before.

Deno.test("a second renewal waits for the first, and takes up what is there then", async () => {
  const files = [{ cert: "a", key: "a" }, { cert: "b", key: "b" }];
  const steps: string[] = [];
  const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const log: ReloadParts["log"] = {
    isDebug: false,
    write: () => {},
    writeForClient: () => {},
  };
  let begun = 0;
  let change = (): void => {};
  using _reload = openReload(configOf({ args: ["--restart-on-cert-change"] }), {
    secrets: undefined,
    rejudge: () => [],
    clock: new FakeClock(),
    wallNow: () => 0,
    webhooks: { resume: () => {} },
    certificate: {
      readAgain: () => files.shift(),
      adopt: ({ cert }: TlsMaterial) => void steps.push(`adopted ${cert}`),
      warn: () => {},
      watch: (_clock, onChange) => {
        change = onChange;
        return { [Symbol.dispose]: () => {} };
      },
    },
    life: {
      renew: async ({ cert }) => {
        steps.push(`began ${cert}`);
        await ends[begun++]?.promise;
        return true;
      },
    },
    log,
  });
  change();
  change();
  await settle();
  assertEquals(steps, ["began a"]);
  ends[0]?.resolve();
  await settle();
  assertEquals(steps, ["began a", "adopted a", "began b"]);
  ends[1]?.resolve();
  await settle();
  assertEquals(steps.at(-1), "adopted b");
});
