import { assertEquals } from "@std/assert";
import type { Why } from "../../../src/auth/authenticator.ts";
import { clientTest } from "../../helpers/process/clients.ts";
import type { LogLine } from "../../helpers/wire/server.ts";
import { until } from "../../helpers/wire/waiting.ts";
import { STAGES, type TokenCase, type TokenStage } from "./cases.ts";
import { TOKEN_CLIENTS, type TokenClient, type TokenDriver } from "./clients.ts";

// Real clients of all dialects show tokens of all modes. Each refusal looks as the dialect has it, and
// only the log names the check that failed. tests/auth tries the same without clients.

const MESSAGES: Partial<Record<Why, string>> = {
  missing: "Token is missing",
  expired: "Token has expired",
  unavailable: "Cannot check the token now",
  dialect: "Not allowed here",
  id: "Id is not allowed",
  room: "Room is not allowed",
};

for (const client of TOKEN_CLIENTS) {
  clientTest({
    name: `${client.title}: tokens admit and refuse as the notes have it`,
    needs: client.needs,
    fn: async (t) => {
      await using driver = await client.open();
      for (const [mode, open] of Object.entries(STAGES)) {
        await using stage = await open();
        for (const one of stage.cases) {
          if ((one.why === "id" || one.why === "room") && !client.checks.includes(one.why)) {
            continue;
          }
          await t.step(`${mode}: ${one.name}`, () => show(client, driver, stage, one));
        }
      }
    },
  });
}

/** Shows one token, and compares the client's experience and the server's log. */
async function show(
  client: TokenClient,
  driver: TokenDriver,
  { server }: TokenStage,
  { token, why: expected, prepare }: TokenCase,
): Promise<void> {
  prepare?.();
  const why = expected === "missing" && client.showsWord ? "malformed" : expected;
  const before = refusalsIn(server.log).length;
  const learned = await driver.attempt(server, token);
  if (why === undefined) assertEquals(learned, client.granted);
  else {
    const message = MESSAGES[why] ?? "Token is not valid";
    assertEquals(learned, client.refused({ why, message }));
  }
  // A client may have come back already, to the same refusal.
  const reasons = new Set(refusalsIn(server.log).slice(before));
  assertEquals([...reasons], why === undefined ? [] : [`auth_${why}`]);
  if (token !== undefined) assertEquals(JSON.stringify(server.log).includes(token), false);
  // The next client wants the same id.
  await until("the client to be gone", async () => await server.gauge("signalbox_peers") === 0);
}

function refusalsIn(log: readonly LogLine[]): unknown[] {
  return log.flatMap(({ what, facts }) => what === "refused" ? [facts["reason"]] : []);
}
