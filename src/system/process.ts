import { closeSync, fstatSync, openSync } from "node:fs";
import process from "node:process";
import { maxOpenFiles } from "./files.ts";

/** Usage of this process. */
export interface ProcessUsage extends Disposable {
  cpuSeconds(): number;
  residentBytes(): number;
  heapBytes(): number;
  /** Undefined where the system does not report it, or the runtime no longer allows it. */
  openFiles(): number | undefined;
  /** Undefined where the system does not report it. */
  readonly maxFiles: number | undefined;
}

const FD_FOLDER = "/proc/self/fd";

/**
 * Opens the sources of the process's usage. It keeps one descriptor on Linux, because files can no
 * longer be opened once the server has dropped its permissions.
 */
export function openProcessUsage(): ProcessUsage {
  const folder = openFdFolder();
  const maxFiles = maxOpenFiles();
  return {
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    residentBytes: () => Deno.memoryUsage().rss,
    heapBytes: () => Deno.memoryUsage().heapUsed,
    openFiles: () => folder === undefined ? undefined : countFiles(folder),
    maxFiles: maxFiles === Infinity ? undefined : maxFiles,
    [Symbol.dispose]: () => {
      if (folder !== undefined) closeSync(folder);
    },
  };
}

function openFdFolder(): number | undefined {
  const isAllowed =
    Deno.permissions.querySync({ name: "read", path: FD_FOLDER }).state === "granted";
  if (Deno.build.os !== "linux" || !isAllowed) return undefined;
  try {
    return openSync(FD_FOLDER, "r");
  } catch {
    return undefined;
  }
}

/** Since Linux 6.2 the size of the folder is the number of descriptors. */
function countFiles(folder: number): number | undefined {
  try {
    const { size } = fstatSync(folder);
    return size > 0 ? size : [...Deno.readDirSync(FD_FOLDER)].length;
  } catch {
    return undefined;
  }
}
