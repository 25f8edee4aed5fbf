import { fileURLToPath } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { within } from "../wire/waiting.ts";

/** Nobody holds a lock for longer, whatever becomes of the test. */
const MAX_SECONDS = 200;

/** Another process that holds SQLite's write lock of a file, until this is disposed of. */
export async function lockFile(path: string): Promise<AsyncDisposable> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(import.meta.url), path],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.getReader();
  const { done } = await within("the lock", lines.read());
  if (done) throw new Error(`Cannot lock "${path}"`);
  return {
    [Symbol.asyncDispose]: async () => {
      await child.stdin.close();
      await lines.cancel();
      await child.status;
    },
  };
}

if (import.meta.main) {
  const [path = ""] = Deno.args;
  const database = new DatabaseSync(path);
  database.exec("begin immediate");
  await Deno.stdout.write(new TextEncoder().encode("locked"));
  const timer = setTimeout(() => Deno.exit(1), MAX_SECONDS * 1_000);
  await Deno.stdin.readable.getReader().read();
  clearTimeout(timer);
  database.exec("rollback");
  database.close();
}
