import * as z from "zod";
import { ConfigSchema } from "./schema.ts";

/** Our own facts about options, which a JSON Schema does not know. */
const OWN_KEYS = ["flags", "env", "secret", "secretFile", "mayBeEmpty", "alone", "group", "isRare"];

/** The JSON Schema of the configuration file: the text of `--config-schema`. */
export function configSchemaText(): string {
  const schema = z.toJSONSchema(ConfigSchema, {
    io: "input",
    override: ({ jsonSchema }) => {
      for (const key of OWN_KEYS) Reflect.deleteProperty(jsonSchema, key);
    },
  });
  const title = "Configuration of signalbox";
  const properties = { $schema: { type: "string" }, ...schema.properties };
  return JSON.stringify({ ...schema, title, properties }, null, 2);
}
