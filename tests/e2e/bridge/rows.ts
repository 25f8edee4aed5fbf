import type { Browser } from "../../helpers/browser/browser.ts";
import { launchBrowser } from "../../helpers/browser/chromium.ts";
import { clientTest, type Need } from "../../helpers/process/clients.ts";
import { startServerProcess } from "../../helpers/process/server_process.ts";
import type { Client } from "./clients.ts";

/** Clients of different protocols that meet, and their pictures. */
export interface Row {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Starts the clients in order, and has one call the other. */
  readonly meet: (browser: Browser, server: string, use: Use) => Promise<readonly Client[]>;
  /** Pairs of clients by position; by default everybody sees everybody. */
  readonly seen?: readonly (readonly [viewer: number, sender: number])[];
  /** Runs once all that is to be seen was seen. */
  readonly then?: (clients: readonly Client[]) => Promise<void>;
}

/** Keeps a client until the end of the test. */
export type Use = <C extends Client>(client: Promise<C>) => Promise<C>;

export const PAGES: readonly Need[] = ["chromium"];
export const WITH_GSTREAMER: readonly Need[] = ["chromium", "gstreamer"];

/** The flags of a server whose clients of all protocols meet. */
export const BRIDGED = ["--bridge", "all", "--bridge-lobby", "hall"] as const;

/** Registers the test of a row, on a server and in a browser of its own. */
export function rowTest({ name, needs, meet, seen, then }: Row): void {
  clientTest({
    name: `Bridge: ${name}`,
    needs,
    fn: async () => {
      await using server = await startServerProcess(BRIDGED);
      await using browser = await launchBrowser();
      await using stack = new AsyncDisposableStack();
      const clients = await meet(browser, server.url, async (client) => stack.use(await client));
      await Promise.all((seen ?? everybody(clients)).map(async ([viewer, sender]) => {
        const [one, other] = [clients[viewer], clients[sender]];
        if (one !== undefined && other !== undefined) await one.sees(other);
      }));
      await then?.(clients);
    },
  });
}

function everybody(clients: readonly Client[]): (readonly [viewer: number, sender: number])[] {
  return clients.flatMap((_, viewer) =>
    clients.flatMap((_, sender) => viewer === sender ? [] : [[viewer, sender] as const])
  );
}
