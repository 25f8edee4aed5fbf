import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "ajv";
import { configSchemaText } from "../../src/config/json_schema.ts";
import { OPTIONS } from "../../src/config/option_list.ts";
import { configOf } from "../helpers/session/config.ts";

const schema = JSON.parse(configSchemaText());
// In strict mode a keyword that JSON Schema does not know is an error.
const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

function nested(path: readonly string[], value: unknown): Record<string, unknown> {
  const [name = "", ...rest] = path;
  return { [name]: rest.length === 0 ? value : nested(rest, value) };
}

Deno.test("--config-schema describes every option, and holds nothing but JSON Schema", () => {
  for (const { path, help } of OPTIONS) {
    let at = schema;
    for (const part of path) at = at.properties[part];
    assertEquals([path, at.description], [path, help]);
  }
});

Deno.test("a file that the schema accepts is one that the server accepts", () => {
  for (const { path, standard } of OPTIONS) {
    if (standard === undefined) continue;
    const file = { $schema: "./s.json", ...nested(path, standard) };
    assert(isValid(file), `${path.join(".")}: ${JSON.stringify(isValid.errors)}`);
    configOf({ args: ["--config", "f"], files: { f: JSON.stringify(file) } });
  }
});

Deno.test("a misspelt key and a value of another type are mistakes to the schema too", () => {
  for (const file of [{ prot: 1 }, { peerjs: { kye: "x" } }, { port: "1" }, { log: 5 }]) {
    assertEquals(isValid(file), false, JSON.stringify(file));
  }
});
