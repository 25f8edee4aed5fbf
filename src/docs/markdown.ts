import { Marked, type Tokens } from "marked";

/** A heading of a page, for its table of contents. */
export interface Heading {
  readonly depth: number;
  readonly id: string;
  readonly text: string;
}

export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
}

export interface RenderOptions {
  /** The path of the page in the repository. */
  readonly path: string;
  /** The address of another page or file of the repository; undefined if it is not served. */
  readonly addressOf: (path: string) => string | undefined;
}

/** Turns a page into HTML. HTML within the page is shown as text, and its comments are left out. */
export function render(markdown: string, { path, addressOf }: RenderOptions): Rendered {
  const headings: Heading[] = [];
  const slugs = new Map<string, number>();
  const marked = new Marked({ gfm: true });
  marked.use({
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading): string {
        const plain = plainText(text);
        const id = slug(plain, slugs);
        headings.push({ depth, id, text: plain });
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        const content = this.parser.parseInline(tokens);
        const target = addressOfLink(href, path, addressOf);
        return target === undefined ? content : `<a href="${escapeHtml(target)}">${content}</a>`;
      },
      image({ href, text }: Tokens.Image): string {
        const target = /^[a-z]+:/i.test(href) ? undefined : addressOfLink(href, path, addressOf);
        if (target === undefined) return escapeHtml(text);
        return `<img src="${escapeHtml(target)}" alt="${escapeHtml(text)}">`;
      },
      html: ({ text }: Tokens.HTML | Tokens.Tag): string =>
        escapeHtml(text.replace(/<!--[\s\S]*?-->/g, "")),
      table(token: Tokens.Table): string {
        const row = (cells: readonly Tokens.TableCell[], tag: string): string =>
          `<tr>${
            cells.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join(
              "",
            )
          }</tr>`;
        const body = token.rows.map((cells) => row(cells, "td")).join("\n");
        return `<div class="table"><table><thead>${row(token.header, "th")}</thead>
<tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  return { html: marked.parse(markdown, { async: false }), headings };
}

/** The title of a page: its first heading. */
export function titleOf(markdown: string): string {
  return plainText(/^# (.*)$/m.exec(markdown)?.[1] ?? "");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function addressOfLink(
  href: string,
  path: string,
  addressOf: RenderOptions["addressOf"],
): string | undefined {
  if (href.startsWith("#") || /^https?:\/\//.test(href)) return href;
  const { pathname, hash } = new URL(href, `http://repository/${path}`);
  const address = addressOf(pathname.slice(1));
  return address === undefined ? undefined : `${address}${hash}`;
}

function plainText(markdown: string): string {
  return markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*_]/g, "");
}

/** The anchor that forges give to a heading. */
function slug(text: string, used: Map<string, number>): string {
  const base = text.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
  const count = used.get(base) ?? 0;
  used.set(base, count + 1);
  return count === 0 ? base : `${base}-${count}`;
}
