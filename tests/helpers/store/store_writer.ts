/**
 * A process to be killed: changes everything that a store in a folder keeps, step by step, and says
 * each step on a line of its own once it is written.
 */
import { Buffer } from "node:buffer";
import { NOBODY, openFolder } from "./store.ts";

/** The content of a line. */
export interface Step {
  readonly nth: number;
  /** The current secret, in hexadecimal. */
  readonly secret: string;
}

/** The server's description of a member in a step's room; now and then the largest allowed. */
export function descriptionIn(nth: number): string {
  return nth % 7 === 3 ? "x".repeat(65_534) : `says ${nth}`;
}

/** Whether a step takes back what the one before did: its room, and its ban. */
export function takesBack(nth: number): boolean {
  return nth % 5 === 4;
}

async function write(folder: string, actor: string): Promise<void> {
  const store = await openFolder(folder);
  const { reservations, rooms, secret } = store.dialect("a", NOBODY);
  for (let nth = 0;; nth++) {
    const name = `${nth}`;
    await reservations.claim(name, "one", 3_600_000);
    await reservations.reserve(`operator's ${nth}`, { token: "one" });
    rooms.keep(name, { nth });
    rooms.describe(name, "topic", descriptionIn(nth));
    store.bans.set("address", name, { reason: name });
    store.operatorLog.write({ actor, action: "step", subject: [name], outcome: "kept" });
    if (takesBack(nth)) {
      rooms.forget(`${nth - 1}`);
      store.bans.lift("address", `${nth - 1}`);
      await reservations.forget(`operator's ${nth - 1}`);
    }
    if (nth % 3 === 2 && await store.rotateSecret("a") === "failed") break;
    if (!await store.flush()) break;
    const step: Step = { nth, secret: Buffer.from(secret.current).toString("hex") };
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(step)}\n`));
  }
}

if (import.meta.main) {
  const [folder = "", actor = ""] = Deno.args;
  await write(folder, actor);
}
