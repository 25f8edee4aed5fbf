import { assertEquals } from "@std/assert";
import axe from "npm:axe-core@4.14.1/axe.min.js" with { type: "text" };
import { until } from "../wire/waiting.ts";
import type { Browser, Page } from "./browser.ts";

/** The page as a person without a mouse sees and reaches it. */
export class Desk {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Signs in by keyboard; the field has the focus when the page has loaded. */
  static async open(browser: Browser, url: string, token: string): Promise<Desk> {
    const desk = new Desk(await browser.newPage(`${url}/console`));
    await desk.asksForToken();
    await desk.page.press(...token, "Enter");
    await desk.has("[data-metric=connections]");
    return desk;
  }

  async asksForToken(): Promise<void> {
    await until("the field for a token", () => this.isFocused("#token"));
  }

  async text(selector: string): Promise<string> {
    return String(
      await this.page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent`),
    );
  }

  async count(selector: string): Promise<number> {
    return Number(
      await this.page.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`),
    );
  }

  async has(selector: string): Promise<void> {
    await until(`"${selector}"`, async () => await this.count(selector) > 0);
  }

  async hasNot(selector: string): Promise<void> {
    await until(`no "${selector}"`, async () => await this.count(selector) === 0);
  }

  async shows(selector: string, text: string): Promise<void> {
    await until(`"${text}" in "${selector}"`, async () => (await this.text(selector)) === text);
  }

  /** Presses Tab until an element has the focus. */
  async tabTo(selector: string): Promise<void> {
    for (let nth = 0; nth < 60; nth++) {
      if (await this.isFocused(selector)) return;
      await this.page.press("Tab");
    }
    throw new Error(`Tab does not lead to ${selector}`);
  }

  async isFocused(selector: string): Promise<boolean> {
    const focused = `document.activeElement.matches(${JSON.stringify(selector)})`;
    return await this.page.evaluate(focused) === true;
  }

  /** Fails for everything that makes the page hard to use for some people. */
  async assertAccessible(where: string): Promise<void> {
    await this.page.evaluate(`globalThis.axe ?? (0, eval)(${JSON.stringify(axe)}), 1`);
    const violations = await this.page.evaluate(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
        id + ": " + nodes.map(({ html }) => html.slice(0, 160)).join(" | ")))`,
    );
    assertEquals(violations, [], where);
  }
}
