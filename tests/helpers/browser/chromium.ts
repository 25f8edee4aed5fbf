import { launchTwice, startBrowser } from "./browser_process.ts";
import type { RemoteConnection } from "./remote.ts";
import type { Browser, BrowserOptions, Page } from "./browser.ts";
import { devToolsKey } from "./keys.ts";
import { programOf } from "../process/clients.ts";
import { within } from "../wire/waiting.ts";

export type { Browser, Page } from "./browser.ts";

/** A headless Chromium, which also takes screenshots. */
export interface Chromium extends Browser {
  newPage(url: string): Promise<ChromiumPage>;
}

const FLAGS = [
  "--headless",
  "--remote-debugging-port=0",
  "--no-sandbox", // Chromium refuses to run as root with one, as in containers
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-renderer-backgrounding",
  "--disable-background-timer-throttling",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
  "--allow-loopback-in-peer-connection", // so that a machine without a network can run the tests
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];

/** Starts the Chromium that `clientTest` found. */
export function launchBrowser(options: BrowserOptions = {}): Promise<Chromium> {
  return launchTwice(() => launch(options));
}

async function launch({ ignoreHTTPSErrors = false }: BrowserOptions): Promise<Chromium> {
  const profile = await Deno.makeTempDir({ prefix: "signalbox-chromium-" });
  const insecure = ignoreHTTPSErrors ? ["--ignore-certificate-errors"] : [];
  let version = "";
  const browser = await startBrowser({
    command: programOf("chromium"),
    args: [...FLAGS, ...insecure, `--user-data-dir=${profile}`],
    profile,
    endpoint: /^DevTools listening on (ws:\S+)\s/m,
    quit: "Browser.close",
  }, async (cdp) => {
    const { product } = await cdp.send("Browser.getVersion");
    version = String(product);
  });
  return {
    version,
    name: "chromium",
    newPage: (url) => ChromiumPage.open(browser.remote, url),
    [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose](),
  };
}

/** How a screenshot is taken. */
export interface ScreenshotOptions {
  readonly colorScheme?: "light" | "dark";
  /** Size of the window, in CSS pixels. */
  readonly width?: number;
  readonly height?: number;
}

class ChromiumPage implements Page {
  readonly #cdp: RemoteConnection;
  readonly #targetId: string;
  readonly #sessionId: string;
  /** The browser's console output, for the message of a failing test. */
  readonly #output: string[] = [];

  private constructor(cdp: RemoteConnection, targetId: string, sessionId: string) {
    this.#cdp = cdp;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
    cdp.listen(({ method, params, sessionId }) => {
      if (sessionId !== this.#sessionId) return;
      if (method === "Runtime.consoleAPICalled") this.#output.push(JSON.stringify(params.args));
      if (method === "Runtime.exceptionThrown") this.#output.push(JSON.stringify(params));
    });
  }

  static async open(cdp: RemoteConnection, url: string): Promise<ChromiumPage> {
    // A window, not a tab: hidden tabs run slower and show no video frames.
    const target = await cdp.send("Target.createTarget", { url: "about:blank", newWindow: true });
    const targetId = String(target.targetId);
    const { sessionId } = await cdp.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new ChromiumPage(cdp, targetId, String(sessionId));
    await page.#send("Runtime.enable");
    await page.#send("Page.enable");
    await page.#load("Page.navigate", { url });
    return page;
  }

  /** Calls a function of the page with JSON values and returns what it or its promise returns. */
  async call<T>(name: string, ...args: unknown[]): Promise<T> {
    const expression = `${name}(${args.map((arg) => JSON.stringify(arg)).join(", ")})`;
    // The caller knows the page's script and with it what comes back.
    return await this.evaluate(expression) as T;
  }

  /** The value of an expression, awaited if it is a promise. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = this.#send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    // The shape that the protocol gives for Runtime.evaluate.
    const { result, exceptionDetails } = await answer as {
      result: { value?: unknown };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails === undefined) return result.value;
    const reason = exceptionDetails.exception?.description ?? exceptionDetails.text;
    throw new Error(`Page failed in "${expression}": ${reason}\n${this.#output.join("\n")}`);
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await this.#send("Input.dispatchKeyEvent", { type: "keyDown", ...devToolsKey(key) });
      await this.#send("Input.dispatchKeyEvent", { type: "keyUp", ...devToolsKey(key) });
    }
  }

  async reload(): Promise<void> {
    await this.#load("Page.reload");
  }

  /** A PNG of the window's content. */
  async screenshot(
    { colorScheme = "light", width = 1280, height = 900 }: ScreenshotOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const features = [{ name: "prefers-color-scheme", value: colorScheme }];
    await this.#send("Emulation.setEmulatedMedia", { features });
    const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.#send("Emulation.setDeviceMetricsOverride", metrics);
    const { data } = await this.#send("Page.captureScreenshot", { format: "png" });
    return Uint8Array.from(atob(String(data)), (character) => character.charCodeAt(0));
  }

  async close(): Promise<void> {
    await this.#cdp.send("Target.closeTarget", { targetId: this.#targetId });
  }

  async #load(method: string, params: Record<string, unknown> = {}): Promise<void> {
    const loaded = Promise.withResolvers<void>();
    const stop = this.#cdp.listen(({ method, sessionId }) => {
      if (method === "Page.loadEventFired" && sessionId === this.#sessionId) loaded.resolve();
    });
    try {
      const { errorText } = await this.#send(method, params);
      if (errorText !== undefined) throw new Error(`Cannot open "${params.url}": ${errorText}`);
      await within("the page to load", loaded.promise);
    } finally {
      stop();
    }
  }

  async #send(
    method: string,
    params: Record<string, unknown> = {},
  ): Promise<Record<string, unknown>> {
    try {
      return await this.#cdp.send(method, params, this.#sessionId);
    } catch (cause) {
      const what = params.expression ?? method;
      throw new Error(`Page fails at "${what}". It wrote:\n${this.#output.join("\n")}`, { cause });
    }
  }
}
