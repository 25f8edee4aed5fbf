/** The test files in a folder and those below. */
export function testFilesIn(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testFilesIn(new URL(`${name}/`, folder));
    return name.endsWith("_test.ts") ? [new URL(name, folder)] : [];
  });
}
