import { programOf } from "../process/clients.ts";
import type { Browser, BrowserOptions, Page } from "./browser.ts";
import { launchTwice, startBrowser } from "./browser_process.ts";
import { driverKey } from "./keys.ts";
import type { RemoteConnection } from "./remote.ts";

/** Preferences of the profile: a camera that needs no hardware, and no traffic beyond the test's. */
const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.autoplay.default": 0,
  // Host candidates on a machine without a network, with their addresses.
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "app.update.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.push.connection.enabled": false,
  "extensions.getAddons.cache.enabled": false,
  "extensions.systemAddon.update.enabled": false,
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.dns.disablePrefetch": true,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.enabled": false,
  // Timers of windows in the background run at full speed.
  "dom.min_background_timeout_value": 4,
};

/** Starts the Firefox that `clientTest` found. */
export function launchFirefox(options: BrowserOptions = {}): Promise<Browser> {
  return launchTwice(() => launch(options));
}

async function launch({ ignoreHTTPSErrors = false }: BrowserOptions): Promise<Browser> {
  const profile = await Deno.makeTempDir({ prefix: "signalbox-firefox-" });
  const lines = Object.entries(PREFERENCES).map(([name, value]) =>
    `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`
  );
  await Deno.writeTextFile(`${profile}/user.js`, lines.join(""));
  let version = "";
  const browser = await startBrowser({
    command: programOf("firefox"),
    args: ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
    env: { HOME: profile, MOZ_DISABLE_AUTO_SAFE_MODE: "1" },
    profile,
    endpoint: /^WebDriver BiDi listening on (ws:\S+)\s/m,
    path: "/session",
    quit: "browser.close",
  }, async (bidi) => {
    const { capabilities } = await bidi.send("session.new", {
      capabilities: { alwaysMatch: { acceptInsecureCerts: ignoreHTTPSErrors } },
    }) as { capabilities: { browserName: string; browserVersion: string } };
    version = `${capabilities.browserName}/${capabilities.browserVersion}`;
    await bidi.send("session.subscribe", { events: ["log.entryAdded"] });
  });
  return {
    name: "firefox",
    version,
    newPage: (url) => FirefoxPage.open(browser.remote, url),
    [Symbol.asyncDispose]: () => browser[Symbol.asyncDispose](),
  };
}

/** The parts of a BiDi result of `script.evaluate` that are looked at. */
interface Evaluation {
  readonly result?: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

class FirefoxPage implements Page {
  readonly #bidi: RemoteConnection;
  readonly #context: string;
  /** The page's console, for the message of a test that fails. */
  readonly #output: string[] = [];

  private constructor(bidi: RemoteConnection, context: string) {
    this.#bidi = bidi;
    this.#context = context;
    bidi.listen(({ method, params }) => {
      const { source, text } = params as { source?: { context?: string }; text?: string };
      if (method === "log.entryAdded" && source?.context === context) {
        this.#output.push(String(text));
      }
    });
  }

  static async open(bidi: RemoteConnection, url: string): Promise<FirefoxPage> {
    // A window, not a tab: hidden tabs run slower and show no video frames.
    const { context } = await bidi.send("browsingContext.create", { type: "window" });
    const page = new FirefoxPage(bidi, String(context));
    await bidi.send("browsingContext.navigate", { context, url, wait: "complete" });
    return page;
  }

  async call<T>(name: string, ...args: unknown[]): Promise<T> {
    const expression = `${name}(${args.map((arg) => JSON.stringify(arg)).join(", ")})`;
    // The caller knows the page's script and with it what comes back.
    return await this.evaluate(expression) as T;
  }

  async evaluate(expression: string): Promise<unknown> {
    // As text: BiDi's own form of a value is a tree of types.
    const { result, exceptionDetails } = await this.#bidi.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${expression})))()`,
      target: { context: this.#context },
      awaitPromise: true,
      userActivation: true,
    }) as Evaluation;
    if (exceptionDetails !== undefined) {
      const output = this.#output.join("\n");
      throw new Error(`Page failed in "${expression}": ${exceptionDetails.text}\n${output}`);
    }
    return result?.value === undefined ? undefined : JSON.parse(result.value);
  }

  async press(...keys: readonly string[]): Promise<void> {
    const actions = keys.map(driverKey).flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.#bidi.send("input.performActions", {
      context: this.#context,
      actions: [{ type: "key", id: "keyboard", actions }],
    });
  }

  async reload(): Promise<void> {
    await this.#bidi.send("browsingContext.reload", { context: this.#context, wait: "complete" });
  }

  async close(): Promise<void> {
    await this.#bidi.send("browsingContext.close", { context: this.#context });
  }
}
