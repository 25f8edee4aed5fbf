import { ConfigError } from "../../config/load.ts";
import type { TlsFiles } from "../../config/listeners.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../observe/log.ts";
import { messageOf } from "../../system/errors.ts";
import { decodeText, readBytes } from "../../system/files.ts";
import { certificateWarnings } from "./certificate_warnings.ts";
import { binaryFault, tlsFault } from "./tls_fault.ts";
import { proveTls } from "../../transport/tls.ts";
import type { TlsMaterial } from "../../transport/transport.ts";

const CHECK_EVERY_MS = 10_000;

/** The certificate in use, and its files. */
export class Certificate {
  readonly #files: TlsFiles;
  readonly #isUsed: boolean;
  #material: TlsMaterial;

  /**
   * Reads the files; throws ConfigError if they cannot be read, or used.
   * @param isUsed whether an address is listened at with it
   */
  constructor(files: TlsFiles, isUsed: boolean) {
    this.#files = files;
    this.#isUsed = isUsed;
    this.#material = this.#read();
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /**
   * Reads the files again; undefined if they hold what is in use. Files that do not belong together,
   * as in the middle of a renewal, throw ConfigError.
   */
  readAgain(): TlsMaterial | undefined {
    const fresh = this.#read();
    const { cert, key } = this.#material;
    if (fresh.cert === cert && fresh.key === key) return undefined;
    return fresh;
  }

  /** The listeners use this material from now on. */
  adopt(material: TlsMaterial): void {
    this.#material = material;
  }

  /** Logs the reasons for which clients may refuse a certificate that can be served. */
  warn(log: Pick<Log, "write">, nowMs: number): void {
    if (!this.#isUsed) return;
    for (
      const { what, facts } of certificateWarnings(this.#files.cert, this.#material.cert, nowMs)
    ) {
      log.write("warning", what, facts);
    }
  }

  /** Calls back when either file is newer than before. */
  watch(clock: Clock, onChange: () => void): Disposable {
    return watchTls(this.#files, clock, onChange);
  }

  #read(): TlsMaterial {
    const material = readTls(this.#files);
    if (this.#isUsed) checkTls(this.#files, material);
    return material;
  }
}

/** Reads certificate and key; throws ConfigError if it cannot. */
export function readTls({ cert, key }: TlsFiles): TlsMaterial {
  return { cert: read("certificate", cert), key: read("private key", key) };
}

/** Proves that a certificate and a key can be used together; throws ConfigError if not. */
export function checkTls(files: TlsFiles, material: TlsMaterial): void {
  let fault: string | undefined;
  try {
    if (proveTls(material)) return;
    fault = tlsFault(files, material, false);
  } catch (error) {
    const other = `Cannot use certificate "${files.cert}": ${messageOf(error)}`;
    fault = tlsFault(files, material, true) ?? other;
  }
  if (fault !== undefined) throw new ConfigError([fault]);
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
    const bytes = readBytes(path);
    const fault = binaryFault(bytes, what, path);
    if (fault !== undefined) throw new Error(fault);
    return decodeText(bytes);
  } catch (error) {
    throw new ConfigError([`Cannot read ${what} "${path}": ${messageOf(error)}`]);
  }
}

/** When a file was last changed; 0 for one that is just being replaced. */
function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}
