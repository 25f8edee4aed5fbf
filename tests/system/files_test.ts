import { assert, assertEquals, assertThrows } from "@std/assert";
import { maxOpenFiles, readText } from "../../src/system/files.ts";

Deno.test("a text file is read as it is", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, "grün\n");
    assertEquals(readText(path), "grün\n");
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("an unreadable file is an error in words for people", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assertThrows(() => readText(`${folder}/missing`), Error, "no such file");
    assertThrows(() => readText(folder), Error);
    Deno.writeTextFileSync(`${folder}/file`, "");
    const expected = `"${folder}/file" is a file, where a folder is needed`;
    if (Deno.build.os === "linux") {
      assertThrows(() => readText(`${folder}/file/cert.pem`), Error, expected);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test({
  name: "a file that Deno may not read is an error that names the permission",
  permissions: { read: false },
  fn: () => void assertThrows(() => readText("/any"), Error, "--allow-read"),
});

Deno.test("the limit of open files is the system's, if the system reports it", () => {
  const limit = maxOpenFiles();
  assert(limit > 0);
  if (Deno.build.os === "linux") assert(Number.isInteger(limit));
});

Deno.test({
  name: "the limit of open files is unknown where it may not be read",
  permissions: { read: false },
  fn: () => assertEquals(maxOpenFiles(), Infinity),
});
