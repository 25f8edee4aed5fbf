import { plain } from "../http/answers.ts";
import type { FilePath, PagePath } from "./contents.ts";
import { render, titleOf } from "./markdown.ts";
import { type DocsPage, FILES, PAGES } from "./pages.ts";
import { CONTENT_SECURITY_POLICY, pageHtml } from "./template.ts";

export interface SiteOptions {
  /** The address of a file of the repository. */
  readonly addressOf: (path: string) => string;
  /** The address of the server's own page. */
  readonly home: string;
  readonly version: string;
}

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
const PICTURES: Readonly<Record<string, string>> = { svg: "image/svg+xml", png: "image/png" };

/** The pages of the documentation and the files that they link to, as answers. */
export class Site {
  readonly #options: SiteOptions;
  readonly #pages: ReadonlyMap<PagePath, DocsPage> = new Map(PAGES.map((one) => [one.path, one]));
  /** The pages that were asked for: few servers show all of them. */
  readonly #rendered = new Map<PagePath, string>();

  constructor(options: SiteOptions) {
    this.#options = options;
  }

  /** A page as it is written. */
  markdown(path: PagePath): Response {
    return plain(200, this.#textOf(path).trimEnd());
  }

  html(path: PagePath): Response {
    const html = this.#rendered.get(path) ?? this.#render(path);
    this.#rendered.set(path, html);
    return new Response(html, { headers: HEADERS });
  }

  /** A picture as one, any other file as plain text. */
  file(path: FilePath): Response {
    const content = FILES[path];
    const type = PICTURES[path.split(".").at(-1) ?? ""];
    if (type === undefined) return plain(200, String(content).trimEnd());
    const headers = { "content-type": type, "x-content-type-options": "nosniff" };
    return new Response(content, { headers });
  }

  #textOf(path: PagePath): string {
    return this.#pages.get(path)?.markdown ?? "";
  }

  #render(path: PagePath): string {
    const { addressOf, home, version } = this.#options;
    const known: ReadonlySet<string> = new Set([...this.#pages.keys(), ...Object.keys(FILES)]);
    const markdown = this.#textOf(path);
    const { html, headings } = render(markdown, {
      path,
      addressOf: (target) => known.has(target) ? addressOf(target) : undefined,
    });
    const contents = PAGES.map((page) => ({
      group: page.group,
      title: titleOf(page.markdown),
      address: addressOf(page.path),
    }));
    const title = titleOf(markdown);
    return pageHtml({
      ...{ title, address: addressOf(path), html, headings },
      ...{ contents, home, version },
    });
  }
}
