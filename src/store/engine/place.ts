import { StoreError } from "./engine.ts";

/** An environment variable's value; undefined if it is not set or may not be read. */
export type Variables = (name: string) => string | undefined;

/**
 * The folder that a person named. A shell does not expand `~` after `kv:`, so this does. Throws
 * StoreError.
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

/** The system's folder for a user's data of this application. Throws StoreError. */
export function defaultFolder(variables: Variables, os: string = Deno.build.os): string {
  const inside = (variable: string, folder: string): string | undefined => {
    const base = variables(variable);
    // The XDG Base Directory Specification ignores relative paths.
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
