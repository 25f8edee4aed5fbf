import { assert, assertEquals } from "@std/assert";
import { Validator } from "npm:@seriousme/openapi-schema-validator@2.11.0";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { startTestServer } from "../helpers/wire/server.ts";

Deno.test("the document is OpenAPI 3.1, and every route is described", async () => {
  await using server = startTestServer({ args: ["--admin-tokens", "a-token-of-an-operator"] });
  const { document } = await AdminClient.open(server.url, undefined);
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  assert(valid, JSON.stringify(errors));
  const names = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations).map((operation) => Reflect.get(operation, "operationId"))
  );
  assertEquals(new Set(names).size, names.length);
  assert(names.length >= 30);
});
