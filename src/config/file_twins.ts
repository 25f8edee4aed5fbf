import * as z from "zod";
import type { OptionMeta } from "../dialects/kit/options.ts";
import { flagOf } from "./names.ts";

/** The end of the name of an option that names the file with a secret. */
const FILE = "File";

/**
 * Adds to each secret of a schema, and of the groups in it, an option that names a file with its value:
 * `auth.tokens` gets `auth.tokensFile`. Credentials of systemd, Docker and Kubernetes are such files.
 */
export function withFileTwins<Schema extends z.ZodObject>(
  schema: Schema,
  path: readonly string[] = [],
): Schema {
  const shape: Record<string, z.core.$ZodType> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    const full = [...path, name];
    const group = field instanceof z.ZodPrefault ? field.unwrap() : undefined;
    if (group instanceof z.ZodObject) shape[name] = withFileTwins(group, full).prefault({});
    // Our schemas carry no other metadata.
    const meta = (z.globalRegistry.get(field) ?? {}) as OptionMeta;
    if (meta.secret === true) shape[`${name}${FILE}`] = twinOf(full, field, meta);
  }
  // Checks of the whole object stay in force. The type leaves the twins out, because they are replaced
  // by the values in their files.
  return schema.safeExtend(shape) as unknown as Schema;
}

/** The path of the secret whose file an option names. */
export function secretPath(path: readonly string[]): string[] {
  return [...path.slice(0, -1), (path.at(-1) ?? "").slice(0, -FILE.length)];
}

function twinOf(
  path: readonly string[],
  field: z.core.$ZodType,
  { group }: OptionMeta,
): z.ZodType {
  const isList = field instanceof z.ZodDefault && field.unwrap() instanceof z.ZodArray;
  return z.string().min(1).optional().meta({
    description: `File with --${flagOf(path)}${isList ? ", one value per line" : ""}`,
    secretFile: true,
    isRare: true,
    ...(group === undefined ? {} : { group }),
  });
}
