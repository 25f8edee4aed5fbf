import { assertEquals } from "@std/assert";
import { executableName, shortened } from "../../scripts/build.ts";

Deno.test("an executable for Windows is named as deno compile names it", () => {
  assertEquals(executableName("dist/signalbox", "linux"), "dist/signalbox");
  assertEquals(executableName("dist/signalbox-macos-x64", "macos-x64"), "dist/signalbox-macos-x64");
  assertEquals(executableName("dist/signalbox", "windows"), "dist/signalbox.exe");
  assertEquals(executableName("dist/signalbox-0.1.0", "windows-x64"), "dist/signalbox-0.1.0.exe");
  assertEquals(executableName("dist/signalbox.exe", "windows-x64"), "dist/signalbox.exe");
});

Deno.test("a commit is shortened, and keeps its mark such as -dirty", () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  assertEquals(shortened(commit), "0123456789");
  assertEquals(shortened(`${commit}-dirty`), "0123456789-dirty");
  assertEquals(["0123456789", "v1.2.3", ""].map(shortened), ["0123456789", "v1.2.3", ""]);
});
