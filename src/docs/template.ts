import { createHash } from "node:crypto";
import { escapeHtml, type Heading } from "./markdown.ts";

const STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --back: #fff; --side: #f6f8fa;
  --line: #d1d9e0; --link: #0b57d0; --code: #eff2f5; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --back: #0d1117;
  --side: #151b23; --line: #3d444d; --link: #79b8ff; --code: #1f2630; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 1rem/1.6 system-ui, sans-serif; color: var(--text); background: var(--back);
  display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
a { color: var(--link); text-decoration: none; }
img { max-width: 100%; }
a:hover { text-decoration: underline; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem;
  background: var(--side); border-right: 1px solid var(--line); font-size: 0.9rem; }
nav b { display: block; font-size: 1.1rem; }
nav p { margin: 1.2rem 0 0.2rem; color: var(--soft); font-size: 0.75rem; font-weight: 600;
  letter-spacing: 0.05em; text-transform: uppercase; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: 0.15rem 0.5rem; border-radius: 0.3rem; color: inherit; }
nav [aria-current] { background: var(--line); font-weight: 600; }
nav ul ul { margin: 0.2rem 0 0.4rem 0.6rem; border-left: 1px solid var(--line); }
nav ul ul a { color: var(--soft); }
main { max-width: 56rem; padding: 1.5rem 2.5rem 4rem; }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 0.75rem; }
h1 { margin-top: 0; font-size: 1.9rem; }
h2 { padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
code { font: 0.875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--code);
  border-radius: 0.3rem; padding: 0.1em 0.3em; overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: 0.5rem; padding: 0.9rem 1.1rem; overflow-x: auto; }
pre code { padding: 0; background: none; overflow-wrap: normal; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.92rem; }
th, td { padding: 0.4rem 0.8rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--side); }
th:empty { display: none; }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
@media (max-width: 50rem) { body { display: flex; flex-direction: column; } main { padding: 1.25rem; order: -1; }
  nav { position: static; height: auto; border-right: 0; border-top: 1px solid var(--line); }
  nav p, nav li { display: inline-block; } nav ul ul { display: none; } }
@media print { nav { display: none; } body { display: block; } }
`;

/** Allows the style above and nothing else: no script, no picture, no request to any host. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "img-src 'self'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A line of the table of contents. */
export interface ContentsEntry {
  readonly group: string;
  readonly title: string;
  readonly address: string;
}

export interface PageParts {
  readonly title: string;
  readonly address: string;
  readonly html: string;
  readonly headings: readonly Heading[];
  readonly contents: readonly ContentsEntry[];
  /** The address of the landing page. */
  readonly home: string;
  readonly version: string;
}

/** Puts a page together: the table of contents beside the text. */
export function pageHtml(parts: PageParts): string {
  const { title, html, home, version, address } = parts;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title === "signalbox" ? title : `${title} – signalbox`)}</title>
<style>${STYLE}</style>
</head>
<body>
<nav aria-label="Contents"><b><a href="${escapeHtml(home)}">signalbox</a></b>
${contentsHtml(parts)}
</nav>
<main>
${html}
<footer>signalbox ${escapeHtml(version)}. As text: <code>curl ${escapeHtml(address)}</code></footer>
</main>
</body>
</html>
`;
}

function contentsHtml({ contents, address, headings }: PageParts): string {
  const sections = headings.filter(({ depth }) => depth === 2)
    .map(({ id, text }) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(text)}</a></li>`);
  const entry = ({ title, address: target }: ContentsEntry): string => {
    const isHere = target === address;
    const here = isHere ? ' aria-current="page"' : "";
    const inner = isHere && sections.length > 0 ? `<ul>${sections.join("")}</ul>` : "";
    return `<li><a href="${escapeHtml(target)}"${here}>${escapeHtml(title)}</a>${inner}</li>`;
  };
  return [...Map.groupBy(contents, ({ group }) => group)]
    .map(([group, entries]) =>
      `<p>${escapeHtml(group)}</p><ul>${entries.map(entry).join("\n")}</ul>`
    ).join("\n");
}
