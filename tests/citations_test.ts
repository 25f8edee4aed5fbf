import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);
const DIALECTS = [...Deno.readDirSync(new URL("src/dialects/", ROOT))]
  .filter(({ isDirectory, name }) => isDirectory && name !== "kit")
  .map(({ name }) => name);

/** The sections of a page, and their numbered rules: "9", "9.3". */
function sectionsOf(page: string): Set<string> {
  const found = new Set<string>();
  let section = "";
  for (const line of page.split("\n")) {
    const heading = /^## (\d+)\. /.exec(line)?.[1];
    const item = /^(\d+)\. /.exec(line)?.[1];
    const row = /^\| (\d+\.\d+) +\|/.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    if (heading !== undefined) found.add(heading);
    if (item !== undefined) found.add(`${section}.${item}`);
    if (row !== undefined) found.add(row);
  }
  return found;
}

async function protocolOf(name: string): Promise<string> {
  try {
    return await Deno.readTextFile(new URL(`src/dialects/${name}/PROTOCOL.md`, ROOT));
  } catch (cause) {
    throw new Error(`src/dialects/${name} needs a PROTOCOL.md`, { cause });
  }
}

async function filesIn(folder: URL): Promise<URL[]> {
  const files: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await filesIn(new URL(`${name}/`, folder)));
    else if (name.endsWith(".ts")) files.push(new URL(name, folder));
  }
  return files;
}

let cited = 0;

for (const name of DIALECTS) {
  Deno.test(`every section that ${name}'s code and tests cite is in its PROTOCOL.md`, async () => {
    const page = await protocolOf(name);
    const sections = sectionsOf(page);
    const folders = [`src/dialects/${name}/`, `tests/dialects/${name}/`];
    const files = (await Promise.all(folders.map((path) => filesIn(new URL(path, ROOT))))).flat();
    const missing: string[] = [];
    for (const file of files) {
      for (const [, number = ""] of (await Deno.readTextFile(file)).matchAll(/§ ?(\d+(\.\d+)?)/g)) {
        cited++;
        if (!sections.has(number)) missing.push(`${file.href.slice(ROOT.href.length)}: §${number}`);
      }
    }
    for (const [, number = ""] of page.matchAll(/§(\d+(\.\d+)?)/g)) {
      if (!sections.has(number)) missing.push(`PROTOCOL.md: §${number}`);
    }
    assertEquals(missing, []);
  });
}

Deno.test("the code cites its protocols", () => {
  assert(cited > 200, `${cited} citations were found`);
});
