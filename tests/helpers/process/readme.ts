/** The code block that follows `<!-- snippet: NAME -->` in README, so that tests run what it says. */
export async function readmeSnippet(name: string): Promise<string> {
  const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  const [, rest] = readme.split(`<!-- snippet: ${name} -->`);
  const block = /^\s*```\w+\n([\s\S]*?)^```$/m.exec(rest ?? "")?.[1];
  if (block === undefined) throw new Error(`README has no snippet "${name}"`);
  return block;
}
