import { StoreError } from "./engine.ts";

/** An environment variable's value; undefined where it is not set, or may not be read. */
export type Variables = (name: string) => string | undefined;

/**
 * The folder that a person named. Behind `kv:` a shell leaves `~` alone, so it is the user's home
 * here. Throws StoreError.
 */
export function namedFolder(
  name: string,
  variables: Variables,
  os: string = Deno.build.os,
): string {
  if (!name.startsWith("~")) return name;
  const home = variables(os === "windows" ? "USERPROFILE" : "HOME") ?? "";
  if (home !== "" && /^~($|[/\\])/.test(name)) return home + name.slice(1);
  throw new StoreError(`Cannot find the folder "${name}": name it without "~"`, "invalid_place");
}

/** Where an application keeps a user's data, as each system has it. Throws StoreError. */
export function defaultFolder(variables: Variables, os: string = Deno.build.os): string {
  const inside = (variable: string, folder: string): string | undefined => {
    const base = variables(variable);
    // A relative one is to be ignored, says the XDG Base Directory Specification.
    const isUsable = base !== undefined && /^([a-z]:)?[\\/]/i.test(base);
    return isUsable ? `${base}/${folder}` : undefined;
  };
  let folder: string | undefined;
  if (os === "windows") folder = inside("LOCALAPPDATA", "signalbox");
  else if (os === "darwin") folder = inside("HOME", "Library/Application Support/signalbox");
  else folder = inside("XDG_DATA_HOME", "signalbox") ?? inside("HOME", ".local/share/signalbox");
  if (folder !== undefined) return folder;
  throw new StoreError(
    "Cannot find the user's data folder: name one, as in --store kv:FOLDER",
    "invalid_place",
  );
}
