import { assert, assertEquals } from "@std/assert";

// Enforces the map of the code in README: which folder may import which.

interface Import {
  /** Where the importing file is: "main.ts", "src/core/hub.ts". */
  readonly from: string;
  /** A file of ours, or a specifier of somebody else's. */
  readonly to: string;
  readonly isType: boolean;
}

interface Source {
  readonly path: string;
  readonly text: string;
  /** The text without its comments. */
  readonly code: string;
}

const ROOT = new URL("../", import.meta.url);
const SOURCES: readonly Source[] = [readSource("main.ts"), ...sourcesIn("src/")];
const IMPORTS: readonly Import[] = SOURCES.flatMap(importsOf);

function sourcesIn(folder: string): Source[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return sourcesIn(`${folder}${name}/`);
    // Declarations describe what runs elsewhere, such as a client in a browser.
    return name.endsWith(".ts") && !name.endsWith(".d.ts") ? [readSource(`${folder}${name}`)] : [];
  });
}

function readSource(path: string): Source {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  // Good enough for this code: no string in it holds the beginning of a comment but URLs.
  return { path, text, code: text.replace(/\/\*[^]*?\*\/|(?<![:"'])\/\/.*/g, "") };
}

function importsOf({ path, code }: Source): Import[] {
  const statement =
    /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...code.matchAll(statement)].map(([, type, specifier, dynamic]) => ({
    from: path,
    to: resolve(path, specifier ?? dynamic ?? ""),
    isType: type !== undefined,
  }));
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, new URL(from, ROOT)).href.slice(ROOT.href.length);
}

/** Lists the imports that break a rule, in words. */
function broken(rule: (one: Import) => boolean): string[] {
  return IMPORTS.filter((one) => !rule(one)).map(({ from, to }) => `${from} -> ${to}`);
}

const CORE = /^src\/core\//;
const SYSTEM = /^src\/system\//;
const OBSERVE = /^src\/observe\//;
/** The seam of authentication, and the reading of what a client shows. */
const AUTH_SEAM = /^src\/auth\/(authenticator|credential|grants|http_answer)\.ts$/;
/** The part of the system layer that computes only. */
const COMPUTING = /^src\/system\/(crypto|errors|json)\.ts$/;
/** The types of routes, which dialects fill in and the router serves. */
const ROUTES = /^src\/http\/route\.ts$/;
/** The types of links that only some transports have. */
const LINKS = /^src\/transport\/links\.ts$/;

/**
 * The folders that our files may import beside their own; a file without a row may import nothing.
 */
const ARROWS: readonly [from: RegExp, to: readonly RegExp[]][] = [
  [/^main\.ts$/, [
    /^(deno\.json|src\/build\.json)$/,
    /^src\/(server|config|system|observe)\//,
  ]],
  [/^src\/docs\//, [
    /^src\/http\/(answers|landing|route)\.ts$/,
    // Pages and the files that they link to, as text.
    /\.md$|^LICENSE$|^scripts\/(docker|grafana|kubernetes|systemd)\/|^scripts\/performance\.svg$|^src\/console\/\w+\.png$|^src\/dialects\/simple\/client\/client\.d\.ts$/,
  ]],
  [/^src\/server\//, [
    /^src\/(docs|admin|auth|config|http|transport|system|observe)\//,
    /^src\/(try|console)\/mod\.ts$/,
    /^src\/(ice|webhooks)\//,
    /^src\/store\/mod\.ts$/,
    /^src\/cluster\/mod\.ts$/,
    // Dialects are known by their list and their interface.
    /^src\/dialects\/(mod|dialect)\.ts$/,
    CORE,
  ]],
  [/^src\/admin\//, [
    /^src\/http\//,
    // Types of news, and the state of receivers.
    /^src\/webhooks\/(mod|types)\.ts$/,
    /^src\/store\/mod\.ts$/,
    /^src\/dialects\/dialect\.ts$/,
    // Facts of connections.
    /^src\/transport\/(connections|links)\.ts$/,
    OBSERVE,
    SYSTEM,
    CORE,
  ]],
  [/^src\/config\//, [
    /^src\/dialects\/(mod|kit\/options)\.ts$/,
    /^src\/webhooks\/types\.ts$/,
    COMPUTING,
  ]],
  [/^src\/(try|console)\//, [/^src\/http\//]],
  [/^src\/ice\//, [/^src\/http\//, SYSTEM, CORE]],
  [/^src\/http\//, [LINKS, COMPUTING, CORE]],
  [/^src\/webhooks\//, [CORE]],
  [/^src\/auth\//, [COMPUTING, CORE]],
  [/^src\/transport\//, [SYSTEM, CORE]],
  [/^src\/store\//, [SYSTEM, CORE]],
  [/^src\/cluster\//, [CORE]],
  [/^src\/dialects\/mod\.ts$/, [/^src\/dialects\/(dialect|\w+\/mod)\.ts$/]],
  [/^src\/dialects\/(dialect\.ts|kit\/)/, [
    /^src\/dialects\/dialect\.ts$/,
    AUTH_SEAM,
    ROUTES,
    LINKS,
    COMPUTING,
    CORE,
  ]],
  [/^src\/dialects\/\w+\//, [
    /^src\/dialects\/(dialect\.ts|kit\/)/,
    AUTH_SEAM,
    ROUTES,
    LINKS,
    COMPUTING,
    CORE,
  ]],
  [OBSERVE, [
    /^src\/(http\/address\.ts$|transport\/)/,
    /^src\/(store|cluster)\/mod\.ts$/,
    SYSTEM,
    CORE,
  ]],
  [SYSTEM, [CORE]],
  [CORE, []],
];

function isOurs(path: string): boolean {
  return path.startsWith("src/") || path === "LICENSE" || path === "scripts/docker/Dockerfile" ||
    !/[:@]/.test(path) && /\.\w+$/.test(path) &&
      path !== "ipaddr.js";
}

Deno.test("the imports are read: there are many, of ours and of others", () => {
  assert(IMPORTS.length > 100);
  for (const { to } of IMPORTS.filter(({ to }) => to.startsWith("src/"))) {
    // Files for browsers and pages are read as text, a JSON file as a value.
    assert(
      /\.(css|html|js|json|d\.ts|lua|md|png)$/.test(to) || SOURCES.some(({ path }) => path === to),
      `${to} is missing`,
    );
  }
});

Deno.test("src holds folders, each with a row of its own", () => {
  const entries = [...Deno.readDirSync(new URL("src/", ROOT))];
  const files = entries.filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
  assertEquals(files, ["build.json"]);
  const folders = entries.filter(({ name }) => name !== "std" && !files.includes(name));
  const isKnown = (name: string): boolean =>
    ARROWS.some(([layer]) => layer.test(`src/${name}/mod.ts`));
  assertEquals(folders.filter(({ name }) => !isKnown(name)), []);
});

Deno.test("modules lean only on what is below them", () => {
  const isAllowed = ({ from, to, isType }: Import): boolean => {
    if (!isOurs(to)) return true;
    if ((ROUTES.test(to) || LINKS.test(to)) && !isType) return false;
    const folder = /^src\/(dialects\/)?\w+\//.exec(from)?.[0];
    if (folder !== undefined && to.startsWith(folder)) return true;
    const [, allowed = []] = ARROWS.find(([layer]) => layer.test(from)) ?? [];
    return allowed.some((target) => target.test(to));
  };
  assertEquals(broken(isAllowed), []);
});

Deno.test("every permission of the map is used", () => {
  const unused = ARROWS.flatMap(([layer, targets]) => {
    const imports = IMPORTS.filter(({ from }) =>
      ARROWS.find(([other]) => other.test(from))?.[0] === layer
    );
    return targets.filter((target) => !imports.some(({ to }) => target.test(to)))
      .map((target) => `${layer} -> ${target}`);
  });
  assertEquals(unused, []);
});

/** The parts of a folder, and the other parts of it that the files in each may import. */
const PARTS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  server: {
    // The way of every request, from its handshake to its session.
    door: [],
    // Addresses and their certificates.
    listening: [],
    // Who may join.
    access: ["bridge.ts", "fetch_text.ts"],
    ice: ["fetch_text.ts"],
    // Everything that serves operators.
    operators: [
      "access/",
      "listening/",
      "dialects.ts",
      "fetch_text.ts",
      "lifecycle.ts",
      "observation.ts",
      "signalling.ts",
    ],
  },
  cluster: {
    // The connection to Redis, and the scripts that it runs.
    engine: ["events.ts"],
    // The nodes that live.
    members: ["events.ts", "names.ts"],
    // Messages between nodes, from the sender's outbox to the reader of an inbox.
    items: [
      "engine/",
      "members/",
      "events.ts",
      "guarded.ts",
      "names.ts",
      "records.ts",
      "seal.ts",
      "texts.ts",
    ],
    // Changes that the engine decides on, from the request to its outcome.
    steps: ["engine/", "items/", "members/", "events.ts", "guarded.ts", "names.ts", "texts.ts"],
  },
};

Deno.test("each part of a folder leans on the parts that its row names, and on no other", () => {
  const unused = new Set<string>();
  for (const [folder, parts] of Object.entries(PARTS)) {
    const here = [...Deno.readDirSync(new URL(`src/${folder}/`, ROOT))]
      .flatMap(({ name, isDirectory }) => isDirectory ? [name] : []);
    assertEquals(here.sort(), Object.keys(parts).sort());
    for (const [part, others] of Object.entries(parts)) {
      for (const other of others) unused.add(`${folder}/${part}/ -> ${other}`);
    }
  }
  const isAllowed = ({ from, to }: Import): boolean => {
    const [, folder = "", part = ""] = /^src\/(\w+)\/(\w+)\//.exec(from) ?? [];
    const row = PARTS[folder]?.[part];
    const inside = `src/${folder}/`;
    if (row === undefined || !to.startsWith(inside)) return true;
    const target = /^(\w+\/|.+)/.exec(to.slice(inside.length))?.[0] ?? "";
    if (target === `${part}/`) return true;
    unused.delete(`${folder}/${part}/ -> ${target}`);
    return row.includes(target);
  };
  assertEquals(broken(isAllowed), []);
  assertEquals([...unused], []);
});

Deno.test("no dialect knows another one", () => {
  const folder = /^src\/dialects\/(?!kit\/)(\w+)\//;
  const isAllowed = ({ from, to }: Import): boolean => {
    const other = folder.exec(to)?.[1];
    return other === undefined || /^src\/(dialects\/mod|docs\/pages)\.ts$/.test(from) ||
      folder.exec(from)?.[1] === other;
  };
  assertEquals(broken(isAllowed), []);
});

Deno.test("every dialect has its messages, rules, answers and options in files of the same names", () => {
  const dialects = SOURCES.flatMap(({ path }) =>
    /^src\/dialects\/(?!kit\/)(\w+)\/mod\.ts$/.exec(path)?.[1] ?? []
  );
  assert(dialects.length > 6);
  const expected = dialects.flatMap((name) =>
    ["messages", "session", "wire"].map((file) => `src/dialects/${name}/${file}.ts`)
  );
  const paths = new Set(SOURCES.map(({ path }) => path));
  assertEquals(expected.filter((path) => !paths.has(path)), []);
});

Deno.test("core leans on nothing but itself", () => {
  assertEquals(broken(({ from, to }) => !CORE.test(from) || CORE.test(to)), []);
});

/** Where each third party comes in. */
const DOORS: readonly [specifier: RegExp, files: RegExp][] = [
  [/^@redis\/client$/, /^src\/cluster\/engine\/redis\.ts$/],
  [/^jose$/, /^src\/auth\//],
  [/^@hono\/zod-openapi$/, /^src\/admin\//],
  [/^zod$/, /^src\/(admin|auth|config|dialects|ice|store\/records)\//],
  [/^@logtape\/logtape$/, /^src\/observe\/log\.ts$/],
  [/^prom-client$/, /^src\/observe\/metrics\.ts$/],
  [/^marked$/, /^src\/docs\/markdown\.ts$/],
  [/^@opentelemetry\/api$/, /^src\/observe\//],
  [/^standardwebhooks$/, /^src\/webhooks\/signature\.ts$/],
  [/^ipaddr\.js$/, /^src\/http\/address\.ts$/],
  [/^@std\/cli\//, /^src\/config\/flags\.ts$/],
  [/^@std\/text\//, /^src\/config\//],
  [/^jsonc-parser$/, /^src\/config\/config_file\.ts$/],
  [/^@std\/http\//, /^src\/http\//],
  [/^npm:(deno-std|prom-client)@/, /^src\/std\//],
  // Clients that the page /try serves to browsers, read as text.
  [/^npm:(gstwebrtc-api|peerjs|regenerator-runtime|rtcpool)@/, /^src\/try\/libraries\.ts$/],
  // Libraries of the console, read as text.
  [/^npm:(preact|htm|uplot)@/, /^src\/console\/libraries\.ts$/],
  [/^npm:(lib0|simple-peer|y-protocols|y-webrtc|yjs)@/, /^src\/try\/yjs\.ts$/],
  [/^node:(buffer|crypto)$/, /^src\/(?!core\/)/],
  [/^node:(fs|process)$/, /^src\/system\/process\.ts$/],
  [/^node:timers$/, /^src\/system\/clock\.ts$/],
  [/^node:sqlite$/, /^src\/store\/engine\/soundness\.ts$/],
];

Deno.test("every third party comes in by its one door, and there are no others", () => {
  const isAllowed = ({ from, to }: Import): boolean =>
    isOurs(to) ||
    DOORS.some(([specifier, files]) => specifier.test(to) && files.test(from));
  assertEquals(broken(isAllowed), []);
});

Deno.test("zod comes in as a namespace: its object would bring the texts of all languages along", () => {
  assertEquals(offenders(/\{[^}]*\bz\b[^}]*\} from "zod"/), []);
});

/** The files whose code matches, but for those that may. */
function offenders(pattern: RegExp, allowed?: RegExp): string[] {
  return SOURCES.filter(({ path, code }) => pattern.test(code) && allowed?.test(path) !== true)
    .map(({ path }) => path);
}

Deno.test("only the outer layers know the runtime", () => {
  const allowed = /^main\.ts$|^src\/observe\/log\.ts$|^src\/(server|system|transport|http|store)\//;
  assertEquals(offenders(/\bDeno\./, allowed), []);
});

Deno.test("time comes from the clock that was handed in", () => {
  const pattern = /\b(setTimeout|setInterval|Date\.now|performance\.now|new Date)\b/;
  // The signature turns a given moment into the form that its library takes.
  const allowed =
    /^main\.ts$|^src\/server\/mod\.ts$|^src\/system\/clock\.ts$|^src\/webhooks\/signature\.ts$/;
  assertEquals(offenders(pattern, allowed), []);
});

Deno.test("frames are parsed in one file of each dialect", () => {
  const allowed =
    /^src\/system\/json\.ts$|^src\/auth\/jwks\.ts$|^src\/ice\/cloudflare\.ts$|^src\/admin\/(operator|sort_key)\.ts$|^src\/cluster\/texts\.ts$|^src\/store\/(seal\/seal|records\/shapes)\.ts$/;
  assertEquals(offenders(/\bJSON\.parse\b/, allowed), []);
  assertEquals(
    offenders(
      /\b(parseJson|jsonIn)\b/,
      /^src\/dialects\/(kit\/json|\w+\/messages)\.ts$|^src\/system\/json\.ts$|^src\/(auth\/(keys|webhook)|admin\/(path_name|spread))\.ts$/,
    ),
    [],
  );
});

Deno.test("no module has state of its own, and no class inherits but an error", () => {
  assertEquals(offenders(/^(export )?(let|var) /m), []);
  // The hub of a node among several is the hub of one node, with ghosts in it.
  const allowed = /^src\/core\/nodes\/shared_hub\.ts$/;
  assertEquals(offenders(/\bclass \w+(<[^>]*>)? extends (?!Error\b)/, allowed), []);
});

Deno.test("no file is longer than 400 lines", () => {
  const long = SOURCES.filter(({ text }) => text.split("\n").length > 401).map(({ path }) => path);
  assertEquals(long, []);
});

/** The beginning of a function or method, where the formatter puts it. */
const HEAD =
  /^( *)(?:export )?(?:(?:static|async|get|set) |\*)*(?:function\b|#?[\w.[\]]+[(<]|\w.*=>)/;

/** Lists functions of more than 60 lines; each ends at the first brace below its beginning. */
function longFunctions({ path, text }: Source): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, first) => {
    const indent = HEAD.exec(line)?.[1];
    if (indent === undefined) return [];
    const tail = lines.slice(first);
    // A statement or declaration without a body ends at its semicolon.
    const head = tail.findIndex((one) => /[{;,]$/.test(one) && one.search(/\S/) === indent.length);
    if (tail[head]?.endsWith("{") !== true) return [];
    const length = 1 + tail.findIndex((one) => one.startsWith(`${indent}}`));
    return length > 60 ? [`${path}:${first + 1} ${length}`] : [];
  });
}

Deno.test("no function is longer than 60 lines", () => {
  assertEquals(SOURCES.flatMap(longFunctions), []);
});

Deno.test("no module leans on itself, by whatever way round", () => {
  const targets = Map.groupBy(IMPORTS, ({ from }) => from);
  const cycles: string[] = [];
  const isDone = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    if (isDone.has(path)) return;
    for (const { to } of targets.get(path) ?? []) visit(to, [...trail, path]);
    isDone.add(path);
  };
  for (const { path } of SOURCES) visit(path, []);
  assertEquals(cycles, []);
});
