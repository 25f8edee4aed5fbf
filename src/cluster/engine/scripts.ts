import { createHash } from "node:crypto";
import { type EngineConnection, EngineError, type Reply } from "./engine.ts";
import applyText from "./scripts/apply.lua" with { type: "text" };
import commonText from "./scripts/common.lua" with { type: "text" };
import namingText from "./scripts/naming.lua" with { type: "text" };
import messagesText from "./scripts/messages.lua" with { type: "text" };
import stepsText from "./scripts/steps.lua" with { type: "text" };
import probeText from "./scripts/probe.lua" with { type: "text" };
import helloText from "./scripts/hello.lua" with { type: "text" };

const INFO_MS = 2_000;

/** A text that the engine carries out in one piece. */
export interface Script {
  readonly text: string;
  readonly digest: string;
  /** Does the same step by step, and names a key whose type it cannot use. */
  readonly naming?: Script;
}

/** Registers a process. */
export const HELLO = namedScriptOf(`${commonText}\n${helloText}`);
/** Carries out a node's steps. */
export const APPLY = namedScriptOf(
  `${commonText}\n${messagesText}\nlocal function defineSteps()\n${stepsText}\nend\n${applyText}`,
);
/** Names a command that the scripts may not use. */
export const PROBE = scriptOf(probeText);

function scriptOf(text: string): Script {
  return { text, digest: createHash("sha1").update(text).digest("hex") };
}

/** @param body calls the engine by `call` */
function namedScriptOf(body: string): Script {
  const naming = namingText.replace("-- The script.", () => body);
  return { ...scriptOf(`local call, isolate = redis.call\n${body}`), naming: scriptOf(naming) };
}

/**
 * Calls a script by its digest, and with its text where the engine does not know it (yet). Where it fails at
 * a key of another type, its naming form is called, and at once if `isSuspect`.
 */
export async function run(
  connection: EngineConnection,
  script: Script,
  args: readonly string[],
  limitMs: number,
  isSuspect = false,
): Promise<readonly Reply[]> {
  const { naming } = script;
  let reply: Reply;
  try {
    reply = await runOnce(connection, isSuspect && naming || script, args, limitMs);
  } catch (error) {
    const isMistyped = error instanceof EngineError && error.trouble === "type";
    if (!isMistyped || naming === undefined || isSuspect) throw error;
    // A call may be carried out twice.
    reply = await runOnce(connection, naming, args, limitMs);
  }
  if (!Array.isArray(reply)) throw new EngineError("other", "answered something unknown");
  const [word, key, kind] = reply;
  if (word === "mistyped") throw new EngineError("type", mistypedKey(String(key), String(kind)));
  return reply;
}

async function runOnce(
  connection: EngineConnection,
  { text, digest }: Script,
  args: readonly string[],
  limitMs: number,
): Promise<Reply> {
  try {
    return await connection.command(["EVALSHA", digest, "0", ...args], limitMs);
  } catch (error) {
    if (!(error instanceof EngineError) || !error.message.startsWith("NOSCRIPT")) throw error;
    return await connection.command(["EVAL", text, "0", ...args], limitMs);
  }
}

/** Names a key of another type. @param kind empty where the node may not know it */
export function mistypedKey(key: string, kind: string): string {
  const holds = kind === "" ? "another type" : `a ${kind}`;
  return `the key ${JSON.stringify(key)} holds ${holds}, which is not the cluster's`;
}

/** The engine's own mark of this run of its process. */
export async function runOf(connection: EngineConnection): Promise<string> {
  const info = String(await connection.command(["INFO", "server"], INFO_MS));
  return /^run_id:(\S+)/m.exec(info)?.[1] ?? "unknown";
}
