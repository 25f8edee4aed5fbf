import { assert, assertEquals } from "@std/assert";

// Enforces plain English in everything that a person reads: pages, comments, option help, log lines,
// error texts and test names. Subject and verb come first, in the verbs of the trade.

const ROOT = new URL("../", import.meta.url);

/** A sentence, comment, title or text must not start like this. */
const OPENING =
  /^(what|who|whose|whoever|whom|of|so (many|much|long)|as (many|much)|that while)\b/i;
const ANYWHERE: readonly RegExp[] = [
  /(?<!there )\b(is|are|was|were) none\b/i,
  /\b(nobody|anybody)'s\b/i,
  /\blets? go of\b|\bletting go of\b/i,
  /\b(is|are|was|were|be|being) (not )?told\b/i,
  /\bwhoever\b/i,
  /\b(says?|saying) (so|it|that|who|what|which|how|whether|why|when)\b/i,
  /\bgo(es)? on with\b/i,
  /\bso it is[.,;]/i,
  /\bas long as (it|they) likes?\b/i,
];
/** The same behind the name of a protocol, a section or a client. */
const SECOND_OPENING = /^[^:\n]{1,40}: (what|who|whose|whoever|whom)\b/i;
const MAX_WORDS = 25;

interface Text {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

const FILES = (await filesIn(ROOT)).filter((path) =>
  // The test quotes bad examples.
  !/^tests\/(fixtures\/|words_test\.ts)/.test(path)
);
const PAGES = await read(FILES.filter((path) => path.endsWith(".md")));
const CODE = await read(FILES.filter((path) => /\.(ts|js|sh|py|lua)$/.test(path)));

async function filesIn(folder: URL): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (/^(\.git|node_modules|dist|coverage)$/.test(name)) continue;
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) found.push(...await filesIn(url));
    else found.push(url.href.slice(ROOT.href.length));
  }
  return found.sort();
}

function read(paths: readonly string[]): Promise<[path: string, text: string][]> {
  return Promise.all(
    paths.map(async (path) => [path, await Deno.readTextFile(new URL(path, ROOT))]),
  );
}

/** The comments and texts of a file of code. A run of line comments is one comment. */
function textsOf([path, code]: [string, string]): { comments: Text[]; strings: Text[] } {
  const comments: Text[] = [];
  const strings: Text[] = [];
  const mark = markOf(path);
  const token = new RegExp(
    String
      .raw`"((?:\\.|[^"\\\n])*)"|\`((?:\\.|[^\`\\])*)\`|/\*([\s\S]*?)\*/|((?:^[ \t]*${mark}[^\n]*\n)+)|[ \t]${
      mark === "--" ? mark : "//"
    }([^\n]*)`,
    "gm",
  );
  for (const match of code.matchAll(token)) {
    const [, text, template, block, lines, rest] = match;
    const line = code.slice(0, match.index).split("\n").length;
    const literal = text ?? template;
    if (literal !== undefined) strings.push({ path, line, text: literal });
    const comment = block ?? lines ?? rest;
    if (comment !== undefined) {
      comments.push({
        path,
        line,
        text: comment.replace(/^[ \t]*(\*+|\/\/|#|--)[ \t]?/gm, "").trim(),
      });
    }
  }
  return { comments, strings };
}

/** The beginning of a line comment. */
function markOf(path: string): string {
  if (path.endsWith(".lua")) return "--";
  return /\.(sh|py)$/.test(path) ? "#" : "//";
}

/** The sentences of a page's paragraphs, lists and tables, without its code and headings. */
function sentencesOf([path, page]: [string, string]): Text[] {
  const blank = (text: string) => text.replace(/[^\n]/g, "");
  const prose = page.replace(/^```[\s\S]*?^```$/gm, blank).replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/^#.*$/gm, "").replace(/`[^`\n]*`/g, "`code`").replace(/\]\([^)]*\)/g, "]");
  let line = 1;
  return prose.split(/(\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.) )|\|)/).flatMap((block) => {
    const start = line + (/^\n*/.exec(block)?.[0].length ?? 0);
    line += block.split("\n").length - 1;
    const plain = block.replace(/^\s*(?:[-*#]+|\d+\.) /, "").replace(/[*_[\]]/g, "").trim();
    return plain.split(/(?<=[.!?])\s+(?=[A-Z`"])/).map((text) => ({ path, line: start, text }));
  });
}

function words(text: string): number {
  return text.replaceAll("`code`", "").split(/\s+/).filter((word) => /\w/.test(word)).length;
}

function fault({ text }: Text): boolean {
  const opens = OPENING.test(text) && words(text) > 3 && !text.endsWith("?");
  return opens || words(text) > 1 && ANYWHERE.some((pattern) => pattern.test(text));
}

/** A text in the code, such as a test's name. */
function textFault(text: Text): boolean {
  return fault(text) || SECOND_OPENING.test(text.text) && words(text.text) > 4;
}

function places(texts: readonly Text[]): string[] {
  return texts.map(({ path, line, text }) =>
    `${path}:${line}: ${text.replace(/\s+/g, " ").slice(0, 90)}`
  );
}

const SENTENCES = PAGES.flatMap(sentencesOf);
const TEXTS = CODE.map(textsOf);

Deno.test("pages, comments and texts are found", () => {
  assert(SENTENCES.length > 1_000, `${SENTENCES.length} sentences`);
  assert(TEXTS.flatMap(({ comments }) => comments).length > 1_000);
  assert(TEXTS.flatMap(({ strings }) => strings).length > 1_000);
  const { comments } = textsOf(["a.lua", "-- One\n-- sentence.\ncall() -- Another one.\n"]);
  assertEquals(comments.map(({ text }) => text), ["One\nsentence.", "Another one."]);
  assert(TEXTS.some(({ comments }) => comments.some(({ path }) => path.endsWith(".lua"))));
});

Deno.test("comments open with a subject and a verb", () => {
  assertEquals(places(TEXTS.flatMap(({ comments }) => comments).filter(fault)), []);
});

Deno.test("help, log lines, errors and test names are plain sentences", () => {
  assertEquals(places(TEXTS.flatMap(({ strings }) => strings).filter(textFault)), []);
});

Deno.test("pages are written in plain sentences", () => {
  assertEquals(places(SENTENCES.filter(fault)), []);
});

Deno.test(`no sentence of a page but the changelog has more than ${MAX_WORDS} words`, () => {
  const long = SENTENCES.filter(({ path, text }) =>
    path !== "CHANGELOG.md" && words(text) > MAX_WORDS
  );
  assertEquals(places(long), []);
});

Deno.test("the patterns find what they are made for", () => {
  const find = (text: string): boolean => fault({ path: "", line: 1, text });
  assert(find("Who gives none gets an id of the server."));
  assert(textFault({ path: "", line: 1, text: "§4: who gives none gets an id of the server" }));
  assert(find("Returns undefined for what is none."));
  assert(find("one that opens too late is nobody's"));
  assert(!find("A client without a token is assigned an id."));
});
