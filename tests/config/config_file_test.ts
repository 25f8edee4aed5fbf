import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configOf, problemsOf, valueAt } from "../helpers/session/config.ts";

const args = ["--config", "f"];

function faultOf(content: string): string {
  const [problem = "", ...more] = problemsOf({ args, files: { f: content } });
  assertEquals(more, []);
  return problem.replace('Cannot read configuration file "f": ', "");
}

Deno.test("comments and trailing commas are accepted, and so is $schema", () => {
  const content = `{
    // where to listen
    "$schema": "./signalbox.schema.json",
    "port": 9000, /* and how
       PeerJS is reached */
    "peerjs": { "path": "/myapp", },
    "allowedOrigins": ["https://a.example",],
  }\r\n`;
  const config = configOf({ args, files: { f: content } });
  assertEquals([config.port, config.allowedOrigins], [9000, ["https://a.example"]]);
  assertEquals(valueAt(config, ["peerjs", "path"]), "/myapp/");
});

Deno.test("$schema is allowed at the top only", () => {
  const [problem = ""] = problemsOf({ args, files: { f: '{"peerjs":{"$schema":"x"}}' } });
  assertStringIncludes(problem, 'Unknown key "peerjs.$schema"');
});

for (
  const [content, fault] of [
    [
      '{\n  "port": 9000\n  "host": "::"\n}',
      'expected a comma at line 3, column 3, near "host": …',
    ],
    ['{\r\n  "port" 9000\r\n}', "expected a colon at line 2, column 10, near … 9000"],
    ['{ "log": { "level": debug } }', "at line 1, column 21, near"],
    [
      "{ 'port': 9000 }",
      "nor a text in double quotes at line 1, column 3, near { 'port': 9000 }",
    ],
    ["port: 9000", "at line 1, column 1, near port: 9000"],
    ['{ "port": 9000', 'expected a closing brace at line 1, column 15, near { "port": 9000'],
    ["", "expected a value at line 1, column 1"],
    ['{ "host": "a\\x" }', "a backslash before a character that needs none at line 1, column 11"],
    ['{ "host": "a\n" }', "a text has no closing quote at line 1, column 11"],
    ['{ "port": 1 } }', "expected the end of the file at line 1, column 15"],
    ['{ "a": /* b', "a comment has no end at line 1"],
  ] as const
) {
  Deno.test(`a slip is reported with its place: ${JSON.stringify(content)}`, () => {
    const text = faultOf(content);
    assertStringIncludes(text, fault);
    assert(!text.includes("\n"), text);
  });
}

Deno.test("the text around a slip shows nothing that could be a secret", () => {
  const secret = "hunter2hunter2";
  for (
    const content of [
      `{"simple":{"secret":"${secret}"`,
      `{"simple":{"secret":"${secret}`,
      `{"simple":{"secret":'${secret}'}}`,
      `{"simple":{"secret": ${secret}}}`,
      `{"simple":{"secret": "${secret}" "path": "/x"}}`,
      `{"ssp":{"tokens":["${secret}" "x"]}}`,
      `{"ssp":{"tokens":[${secret}]}}`,
      `{"simple":{"secret":"${secret}\\x"}}`,
      `{"simple":{"secret":"${secret} ${secret}\\x ${secret}"}}`,
    ]
  ) {
    assertEquals(faultOf(content).includes("hunter"), false, faultOf(content));
  }
});

Deno.test("a file that is nested without end is refused, and ends nothing", () => {
  const deep = `{"a":${"[".repeat(200_000)}`;
  assertEquals(faultOf(deep), "it is nested too deeply");
});

Deno.test("the last value of a key counts, also for names that objects have", () => {
  assertEquals(configOf({ args, files: { f: '{"port":1,"port":2}' } }).port, 2);
  const [problem = ""] = problemsOf({ args, files: { f: '{"__proto__":{"port":1}}' } });
  assertStringIncludes(problem, 'Unknown key "__proto__"');
});
