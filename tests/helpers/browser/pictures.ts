import { assert } from "@std/assert";
import { until } from "../wire/waiting.ts";
import type { Page } from "./browser.ts";

/** Waits until a page with page_events.js shows the moving picture of a peer. */
export async function assertMoves(page: Page, peer: string): Promise<void> {
  await until(
    `the video of ${peer}`,
    async () => (await page.call<string[]>("all", "video")).includes(peer),
  );
  const { frames, pictures } = await page.call<{ frames: number; pictures: number }>(
    "watchFrames",
    peer,
    10,
  );
  assert(frames >= 10 && pictures >= 2);
}
