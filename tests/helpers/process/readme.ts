const ROOT = new URL("../../../", import.meta.url);

/**
 * The code block that follows `<!-- snippet: NAME -->` on a page, so that tests run what it shows.
 * @param path The page, from the root of the repository.
 */
export async function readmeSnippet(path: string, name: string): Promise<string> {
  const page = await Deno.readTextFile(new URL(path, ROOT));
  const [, rest] = page.split(`<!-- snippet: ${name} -->`);
  const block = /^\s*```\w+\n([\s\S]*?)^```$/m.exec(rest ?? "")?.[1];
  if (block === undefined) throw new Error(`${path} has no snippet "${name}"`);
  return block;
}
