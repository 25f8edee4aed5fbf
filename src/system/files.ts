import { messageOf } from "./errors.ts";

/** Reads a text file in UTF-8; throws an Error whose message is fit for people. */
export function readText(path: string): string {
  return decodeText(readBytes(path));
}

/** Reads a file; throws an Error whose message is fit for people. */
export function readBytes(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new Error(readFailure(error, path), { cause: error });
  }
}

/** Decodes UTF-8, with or without a byte order mark; throws an Error that names another encoding. */
export function decodeText(bytes: Uint8Array): string {
  if (isUtf16(bytes)) throw new Error("it is UTF-16: save it as UTF-8");
  try {
    // Drops a byte order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8 but probably Latin-1: save it as UTF-8");
  }
}

/** True for UTF-16's byte order mark, or two characters of two bytes each at the beginning. */
function isUtf16([first, second, third, fourth]: Uint8Array): boolean {
  const hasMark = first === 0xff && second === 0xfe || first === 0xfe && second === 0xff;
  const isLittle = second === 0 && fourth === 0 && first !== 0 && third !== 0;
  const isBig = first === 0 && third === 0 && second !== 0 && fourth !== 0;
  return hasMark || isLittle || isBig;
}

function readFailure(error: unknown, path: string): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.NotADirectory) {
    return `"${path.replace(/[\\/][^\\/]*$/, "")}" is a file, where a folder is needed`;
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotCapable) return "Deno was not given --allow-read for it";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return messageOf(error);
}

/** Soft limit of open files of this process; Infinity if the system does not report it. */
export function maxOpenFiles(): number {
  const path = "/proc/self/limits";
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return Infinity;
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync(path))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
