import { assertEquals } from "@std/assert";
import { startMain } from "../../helpers/process/main_process.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { until, within } from "../../helpers/wire/waiting.ts";

/** A file that a process reads only when somebody writes it. */
class SlowFile implements AsyncDisposable {
  readonly path: string;
  readonly #writer: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #heard = "";

  constructor(folder: string) {
    this.path = `${folder}/slow`;
    const script = 'mkfifo "$0" && echo made && exec 3> "$0" && echo opened && cat >&3';
    this.#writer = new Deno.Command("sh", {
      args: ["-c", script, this.path],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#lines = this.#writer.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Resolves when the file is there, or when a process has begun to read it. */
  async has(state: "made" | "opened"): Promise<void> {
    while (!this.#heard.includes(state)) {
      const { value, done } = await within(`the file to be ${state}`, this.#lines.read());
      if (done) throw new Error(`The file was not ${state}`);
      this.#heard += value;
    }
  }

  async write(text: string): Promise<void> {
    const writer = this.#writer.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#writer.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#lines.cancel();
    await this.#writer.status;
  }
}

systemTest({
  name: "SIGUSR2 and SIGHUP that come during the start do not end it, and take effect after it",
  needs: "signals",
  fn: async () => {
    await using folder = await TempFolder.make();
    await using config = new SlowFile(folder.path);
    await config.has("made");
    const tokens = `${folder.path}/tokens`;
    await Deno.writeTextFile(tokens, "a-token-for-scrapes\n");
    const args = ["--listen", "http://127.0.0.1:0", "--metrics", "/metrics"];
    await using server = await startMain({
      args: [...args, "--config", config.path, "--metrics-tokens-file", tokens],
    }, async (signal) => {
      await config.has("opened");
      signal("SIGUSR2");
      signal("SIGHUP");
      await config.write("{}");
    });
    await until("both signals", () => {
      const log = server.stderr();
      return log.includes("signal ignored signal=SIGUSR2") &&
        log.includes("secrets and keys read again");
    });
    const headers = { authorization: "Bearer a-token-for-scrapes" };
    const answer = await fetch(`${server.urls[0]}/metrics`, { headers });
    await answer.body?.cancel();
    assertEquals(answer.status, 200);
  },
});
