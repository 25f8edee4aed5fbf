import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Copy, DockerfileParser } from "npm:dockerfile-ast@0.7.1";
import { validate } from "npm:dockerfile-utils@0.16.3";
import { SOURCES } from "../../scripts/build.ts";

// An image is made elsewhere only, so what can be found wrong by reading is found here.

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => Deno.readTextFileSync(new URL(path, ROOT));
const TEXT = read("scripts/docker/Dockerfile");
const dockerfile = DockerfileParser.parse(TEXT);

/** The context holds only the files after an exclamation mark. */
const [first, ...others] = read("scripts/docker/Dockerfile.dockerignore").trim().split("\n");
const taken = others.map((line) => line.replace(/^!/, ""));
const isTaken = (path: string): boolean =>
  taken.some((name) => path === name || path.startsWith(`${name}/`));

/** The paths that an instruction copies from the project's folder. */
function copied(copy: Copy): string[] {
  const isFromStage = copy.getFlags().some((flag) => flag.getName() === "from");
  return isFromStage ? [] : copy.getArguments().slice(0, -1).map((path) => path.getValue());
}

Deno.test("a linter finds nothing in the Dockerfile", () => {
  assertEquals(validate(TEXT).map(({ message }) => message), []);
  // It does find what is wrong.
  assert(validate("FROM debian\nEXPOSE port\n").length > 0);
});

Deno.test("the image is made of named versions, runs without root, and is checked", () => {
  for (const from of dockerfile.getFROMs()) {
    assertMatch(from.getImageTag() ?? "", /^\d/, from.getTextContent());
  }
  const last = dockerfile.getInstructions().filter((one) => one.getKeyword() === "USER").at(-1);
  assertMatch(last?.getArgumentsContent() ?? "", /^[1-9]\d*:[1-9]\d*$/);
  assertEquals(dockerfile.getHEALTHCHECKs().length, 1);
});

Deno.test("the image's files are in the context, and nothing else is", () => {
  assertEquals([first, others.every((line) => line.startsWith("!"))], ["*", true]);
  for (const name of taken) assert(Deno.statSync(new URL(name, ROOT)), name);
  const needed = [...SOURCES, "scripts/build.ts", ".dvmrc"];
  const copies = dockerfile.getCOPYs().flatMap(copied).filter((path) => path !== ".");
  assert(copies.length > 0);
  assertEquals([...needed, ...copies].filter((path) => !isTaken(path)), []);
});

Deno.test("the image and the unit start with the strict transport", () => {
  assertMatch(TEXT, /^ENV SIGNALBOX_TRANSPORT=strict$/m);
  assertMatch(
    read("scripts/systemd/signalbox.service"),
    /^Environment=SIGNALBOX_TRANSPORT=strict$/m,
  );
});

Deno.test("the executable gets the commit that the build was given", () => {
  const [stage = ""] = TEXT.split(/^FROM /m).slice(1);
  assertMatch(stage, /^ARG COMMIT$[^]*^RUN .* task compile .*--commit="\$COMMIT"/m);
});
