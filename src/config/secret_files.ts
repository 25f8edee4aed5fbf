import { secretPath } from "./file_twins.ts";
import { messageOf } from "../system/errors.ts";
import type { Given } from "./given.ts";
import { type Option, OPTIONS } from "./option_list.ts";

/** Reads a file; throws an Error whose message is fit for people. */
type ReadFile = (path: string) => string;

/** An option that names a file, and the secret in it. */
interface Twin {
  readonly file: Given;
  readonly secret: Option;
}

/** The files with secrets that were named, by flag, variable or configuration file. */
export class SecretFiles {
  readonly #twins: readonly Twin[];
  readonly #readFile: ReadFile;

  /** A secret that is given directly, too, goes to `problems`. */
  constructor(given: ReadonlyMap<string, Given>, readFile: ReadFile, problems: string[]) {
    this.#twins = [...given.values()].flatMap((file) => {
      const secret = secretOf(file.option);
      return secret === undefined ? [] : [{ file, secret }];
    });
    this.#readFile = readFile;
    for (const { file, secret } of this.#twins) {
      const other = given.get(secret.flag);
      if (other !== undefined) problems.push(`Cannot use ${other.from} beside ${file.from}`);
    }
  }

  /** The secrets that are in files. */
  get options(): readonly Option[] {
    return this.#twins.map(({ secret }) => secret);
  }

  /** Reads every file; each that cannot be used goes to `problems`, and its secret is left out. */
  read(problems: string[]): Given[] {
    return this.#twins.flatMap(({ file, secret }) => {
      const { value: path, from } = file;
      // The schema complains of a path that is no text.
      if (typeof path !== "string" || path === "") return [];
      try {
        return [{ option: secret, value: this.#valueIn(path, secret), from }];
      } catch (error) {
        problems.push(`Cannot use ${from} ${JSON.stringify(path)}: ${messageOf(error)}`);
        return [];
      }
    });
  }

  /** An empty file is a fault: read as no secret, it would open what the secret guards. */
  #valueIn(path: string, { type }: Option): unknown {
    const text = this.#readFile(path);
    const value = type === "list"
      ? text.split(/\r?\n/).filter((line) => line.trim() !== "")
      : text.replace(/\r?\n$/, "");
    if (value.length === 0) throw new Error("it is empty");
    return value;
  }
}

/** The secret whose file an option names; undefined if it names none. */
function secretOf({ isSecretFile, path }: Option): Option | undefined {
  if (!isSecretFile) return undefined;
  const name = secretPath(path).join(".");
  return OPTIONS.find((one) => one.path.join(".") === name);
}
