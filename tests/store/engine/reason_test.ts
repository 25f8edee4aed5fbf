import { assertEquals } from "@std/assert";
import { storeFailure } from "../../../src/store/engine/reason.ts";

Deno.test("a permission that Deno was not given is named by its flag", () => {
  const write = 'Requires write access to "/data", run again with the --allow-write flag';
  const error = new Deno.errors.NotCapable(write);
  assertEquals(storeFailure(error), "Deno was not given --allow-write for it");
});

Deno.test({
  name: "the runtime's own refusal has the form that is explained",
  permissions: { write: false },
  fn: async () => {
    const error = await Deno.mkdir("/nowhere").catch((error: unknown) => error);
    assertEquals(storeFailure(error), "Deno was not given --allow-write for it");
  },
});

Deno.test("the system's refusals are explained without its numbers", () => {
  assertEquals(storeFailure(new Deno.errors.NotFound("os error 2")), "no such file or folder");
  assertEquals(storeFailure(new Deno.errors.PermissionDenied("os error 13")), "permission denied");
  assertEquals(storeFailure(new Deno.errors.AlreadyExists("os error 17")), "it is not a folder");
  // A mount that is read-only, as the system words it.
  const readOnly = new Error("Read-only file system (os error 30): open '/data/lock'");
  assertEquals(storeFailure(readOnly), "it can be read but not written");
});
