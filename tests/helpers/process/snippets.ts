import { PAGES } from "../../../src/docs/pages.ts";

/** A block of code on a page. */
export interface Snippet {
  /** The page, from the root of the repository. */
  readonly page: string;
  /** The language after the fence. */
  readonly language: string;
  /** The name by which a test runs it; undefined if no test does. */
  readonly name: string | undefined;
  readonly text: string;
}

/** Every block of code of every page. */
export function allSnippets(): Snippet[] {
  const block = /(?:<!-- snippet: ([\w-]+) -->\s*)?^ *```(\w*)\n([\s\S]*?)^ *```$/gm;
  return PAGES.flatMap(({ path: page, markdown }) =>
    [...markdown.matchAll(block)].map(([, name, language = "", text = ""]) => ({
      page,
      language,
      name,
      text,
    }))
  );
}

/** The only block of a page that begins so. */
export function snippetFrom(page: string, beginning: string): string {
  const found = allSnippets().filter((one) => one.page === page && one.text.startsWith(beginning));
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks "${beginning}"`);
  return found[0]?.text ?? "";
}

/** The text between `<<WORD` and `WORD` of a shell command. */
export function heredocOf(command: string): string {
  const text = /<<'?(\w+)'?\n([\s\S]*?)^\1$/m.exec(command)?.[2];
  if (text === undefined) throw new Error(`No text in "${command}"`);
  return text;
}
