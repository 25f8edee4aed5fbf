/** Declarations of the part of @std/cli/parse-args 1 that config/load.ts uses. */
export interface ParseOptions {
  /** Names that always hold text; "_" keeps positional arguments as text. */
  string?: readonly string[];
  /** Names that are true when given. */
  boolean?: readonly string[];
  /** Names that may be given more than once. */
  collect?: readonly string[];
  /** Other names of a name. */
  alias?: Record<string, string | readonly string[]>;
  /** Called for every argument that is not declared; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
export function parseArgs(
  args: readonly string[],
  options?: ParseOptions,
): Record<string, unknown> & { _: (string | number)[] };
