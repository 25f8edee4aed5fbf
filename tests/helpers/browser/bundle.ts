/** Pinned `npm:` specifiers by the name under which a script imports them. */
export type BundleImports = Readonly<Record<string, string>>;

/** Bundles a script and the packages that it imports for browsers, as the clients' users have to. */
export async function bundleForBrowser(script: string, imports: BundleImports): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "signalbox-bundle-" });
  try {
    // Where packages are found by folders, a package finds one that it forgot to declare.
    const config = { nodeModulesDir: "auto", lock: false, imports };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/entry.js`, script);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--platform=browser", "--format=iife", "-o=out.js", "entry.js"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    if (!success) throw new Error(`Cannot bundle:\n${new TextDecoder().decode(stderr)}`);
    return await Deno.readTextFile(`${folder}/out.js`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
