import { createHash } from "node:crypto";
import { type EngineConnection, EngineError, type Reply } from "./engine.ts";
import applyText from "./scripts/apply.lua" with { type: "text" };
import commonText from "./scripts/common.lua" with { type: "text" };
import messagesText from "./scripts/messages.lua" with { type: "text" };
import stepsText from "./scripts/steps.lua" with { type: "text" };
import probeText from "./scripts/probe.lua" with { type: "text" };
import helloText from "./scripts/hello.lua" with { type: "text" };

const INFO_MS = 2_000;

/** A text that the engine carries out in one piece. */
export interface Script {
  readonly text: string;
  readonly digest: string;
}

/** Registers a process. */
export const HELLO = scriptOf(`${commonText}\n${helloText}`);
/** Carries out a node's steps. */
export const APPLY = scriptOf(
  `${commonText}\n${messagesText}\nlocal function defineSteps()\n${stepsText}\nend\n${applyText}`,
);
/** Names a command that the scripts may not use. */
export const PROBE = scriptOf(probeText);

function scriptOf(text: string): Script {
  return { text, digest: createHash("sha1").update(text).digest("hex") };
}

/** Calls a script by its digest, and with its text where the engine does not know it (yet). */
export async function run(
  connection: EngineConnection,
  { text, digest }: Script,
  args: readonly string[],
  limitMs: number,
): Promise<readonly Reply[]> {
  let reply: Reply;
  try {
    reply = await connection.command(["EVALSHA", digest, "0", ...args], limitMs);
  } catch (error) {
    if (!(error instanceof EngineError) || !error.message.startsWith("NOSCRIPT")) throw error;
    reply = await connection.command(["EVAL", text, "0", ...args], limitMs);
  }
  if (!Array.isArray(reply)) throw new EngineError("other", "answered something unknown");
  return reply;
}

/** The engine's own mark of this run of its process. */
export async function runOf(connection: EngineConnection): Promise<string> {
  const info = String(await connection.command(["INFO", "server"], INFO_MS));
  return /^run_id:(\S+)/m.exec(info)?.[1] ?? "unknown";
}
