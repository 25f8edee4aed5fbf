import type { Given } from "./given.ts";
import type { Option } from "./option_list.ts";
import type { Config } from "./schema.ts";
import type { SecretFiles } from "./secret_files.ts";

/** Makes a configuration with these secrets; undefined if they cannot be used. */
type Parse = (secrets: readonly Given[], problems: string[]) => Config | undefined;

/**
 * The secrets of a configuration that come from files. In the configuration each is a getter: a reload
 * reaches everybody who reads it when it is needed.
 */
export class LiveSecrets {
  readonly #files: SecretFiles;
  readonly #parse: Parse;
  /** By the option's flag. */
  readonly #values = new Map<string, unknown>();
  /** The values of the start, in JSON. */
  readonly #first = new Map<string, string>();

  constructor(config: Config, files: SecretFiles, parse: Parse) {
    this.#files = files;
    this.#parse = parse;
    for (const option of files.options) {
      const { owner, name } = placeOf(config, option);
      const value: unknown = Reflect.get(owner, name);
      this.#values.set(option.flag, value);
      this.#first.set(option.flag, JSON.stringify(value));
      const get = (): unknown => this.#values.get(option.flag);
      Object.defineProperty(owner, name, { get, enumerable: true });
    }
  }

  /** True if any secret comes from a file. */
  get hasFiles(): boolean {
    return this.#files.options.length > 0;
  }

  /** True if a secret is another one now than at the start. */
  hasChanged(flag: string): boolean {
    const first = this.#first.get(flag);
    return first !== undefined && first !== JSON.stringify(this.#values.get(flag));
  }

  /**
   * Reads all files again.
   * @returns one line about each that cannot be used; its secret stays as it was
   */
  readAgain(): readonly string[] {
    const problems: string[] = [];
    for (const secret of this.#files.read(problems)) {
      const fresh = this.#parse(this.#withOthers(secret), problems);
      if (fresh === undefined) continue;
      const { owner, name } = placeOf(fresh, secret.option);
      this.#values.set(secret.option.flag, Reflect.get(owner, name));
    }
    return problems;
  }

  /** The secret, with all others as they are. */
  #withOthers(secret: Given): Given[] {
    const others = this.#files.options.filter(({ flag }) => flag !== secret.option.flag);
    const from = secret.from;
    return [
      ...others.map((option) => ({ option, value: this.#values.get(option.flag), from })),
      secret,
    ];
  }
}

/** The group that holds an option's value, and the value's name in it. */
function placeOf(config: Config, { path }: Option): { owner: object; name: string } {
  let owner: object = config;
  for (const part of path.slice(0, -1)) {
    const inner: unknown = Reflect.get(owner, part);
    if (typeof inner !== "object" || inner === null) throw new TypeError(`no group "${part}"`);
    owner = inner;
  }
  return { owner, name: path.at(-1) ?? "" };
}
