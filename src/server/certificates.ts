import { ConfigError } from "../config/load.ts";
import type { TlsFiles } from "../config/listeners.ts";
import type { Clock } from "../core/clock.ts";
import { readText } from "../system/files.ts";
import type { TlsMaterial } from "../transport/transport.ts";

const CHECK_EVERY_MS = 10_000;

/** Reads certificate and key; throws ConfigError when it cannot. */
export function readTls({ cert, key }: TlsFiles): TlsMaterial {
  return { cert: read("certificate", cert), key: read("private key", key) };
}

/** Calls back when either file is newer than before, as seen every ten seconds. */
export function watchTls({ cert, key }: TlsFiles, clock: Clock, onChange: () => void): Disposable {
  let newest = Math.max(modified(cert), modified(key));
  return clock.every(CHECK_EVERY_MS, () => {
    const now = Math.max(modified(cert), modified(key));
    if (now <= newest) return;
    newest = now;
    onChange();
  });
}

function read(what: string, path: string): string {
  try {
    return readText(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`Cannot read ${what} "${path}": ${why}`]);
  }
}

/** A file that is just being replaced is not newer than anything. */
function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}
