import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that a test drives and that not every machine has, or not everybody may use. */
export type Need =
  | "aiortc"
  | "chromium"
  | "coturn"
  | "firefox"
  | "gstreamer"
  | "libsoup"
  | "openssl"
  | "promtool"
  | "python-socketio"
  | "redis-server"
  | "registry"
  | "script"
  | "setpriv"
  | "systemd"
  | "unshare"
  | "valkey-server"
  | ProxyName;

/** A reverse proxy, by the name of its program. */
export type ProxyName = "apache2" | "caddy" | "haproxy" | "nginx";

const BACKPORTS: ReadonlySet<Need> = new Set(["valkey-server"]);

export interface ClientTest {
  name: string;
  needs: readonly Need[];
  fn: (t: Deno.TestContext) => void | Promise<void>;
}

/**
 * Registers a test with real clients. If one of them is absent, the test is ignored and its name
 * gives the reason; with SIGNALBOX_REQUIRE_CLIENTS=1, as in CI, absence fails the test, but for
 * programs that Debian 12 has among its backports only, which not every mirror has. With
 * SIGNALBOX_HIDE_CLIENTS=1 every client counts as absent, so CI sees the view of a bare machine.
 */
export function clientTest({ name, needs, fn }: ClientTest): void {
  const reasons = Deno.env.get("SIGNALBOX_HIDE_CLIENTS") === "1"
    ? ["hidden by SIGNALBOX_HIDE_CLIENTS"]
    : needs.map((need) => locate[need]()).flatMap((found) => found.missing ?? []);
  if (reasons.length === 0) return Deno.test(name, fn);
  const reason = reasons.join("; ");
  const isOptional = needs.some((need) => BACKPORTS.has(need));
  if (isOptional || Deno.env.get("SIGNALBOX_REQUIRE_CLIENTS") !== "1") {
    return Deno.test({ name: `${name} (skipped: ${reason})`, ignore: true, fn });
  }
  Deno.test(name, () => {
    throw new Error(`Cannot run with SIGNALBOX_REQUIRE_CLIENTS=1: ${reason}`);
  });
}

/**
 * The program behind a need: the browser, the openssl tool, or for `gstreamer` the Python that can
 * import it.
 */
export function programOf(need: Need): string {
  const found = locate[need]();
  if (found.program === undefined) throw new Error(`Cannot find ${need}: ${found.missing}`);
  return found.program;
}

type Found = { program: string; missing?: undefined } | { program?: undefined; missing: string };

/** Each search runs at most once in a test module. */
const locate: Record<Need, () => Found> = {
  aiortc: once(() => findPython("import aiortc, websockets", "python3-aiortc")),
  chromium: once(findChromium),
  coturn: once(findCoturn),
  firefox: once(findFirefox),
  gstreamer: once(findGstreamer),
  libsoup: once(() => {
    const statement = "import gi; gi.require_version('Soup', '3.0')";
    return findPython(statement, "python3-gi and gir1.2-soup-3.0");
  }),
  "python-socketio": once(() => {
    return findPython("import socketio, requests", "python3-socketio and python3-requests");
  }),
  apache2: once(() => findProxy("apache2")),
  caddy: once(() => findProxy("caddy")),
  haproxy: once(() => findProxy("haproxy")),
  nginx: once(() => findProxy("nginx")),
  openssl: once(findOpenssl),
  "redis-server": once(findRedis),
  promtool: once(findPromtool),
  registry: once(findRegistry),
  script: once(findScript),
  setpriv: once(findSetpriv),
  systemd: once(findSystemd),
  unshare: once(findUnshare),
  "valkey-server": once(findValkey),
};

function findChromium(): Found {
  const wanted = Deno.env.get("CHROMIUM_BIN");
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const program = wanted === undefined ? names.map(onPath).find((path) => path) : onPath(wanted);
  return program === undefined
    ? { missing: "no Chromium: install chromium or set CHROMIUM_BIN" }
    : { program };
}

function findFirefox(): Found {
  const wanted = Deno.env.get("FIREFOX_BIN");
  const program = wanted === undefined
    ? ["firefox-esr", "firefox"].map(onPath).find((path) => path)
    : onPath(wanted);
  return program === undefined
    ? { missing: "no Firefox: install firefox-esr or set FIREFOX_BIN" }
    : { program };
}

const GSTREAMER_PROBE = `
import gi
for name in ("Gst", "GstWebRTC", "GstSdp"):
    gi.require_version(name, "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC
Gst.init(None)
absent = [n for n in ("webrtcbin", "nicesrc", "dtlsdec") if not Gst.ElementFactory.find(n)]
raise SystemExit("no element " + ", ".join(absent) if absent else 0)
`;

function findGstreamer(): Found {
  // Debian's bindings belong to Debian's Python; `python3` may be another one, such as pyenv's.
  const program = [onPath("/usr/bin/python3"), onPath("python3")].find((python) => {
    if (python === undefined) return false;
    // The first scan of the plugins is slow, and one plugin that hangs must not hold up the tests.
    const probe = spawnSync(python, ["-c", GSTREAMER_PROBE], { timeout: 120_000, stdio: "ignore" });
    return probe.status === 0;
  });
  return program === undefined
    ? {
      missing: "no GStreamer for Python: install python3-gst-1.0, gir1.2-gst-plugins-bad-1.0, " +
        "gstreamer1.0-plugins-bad and gstreamer1.0-nice",
    }
    : { program };
}

/** Finds the Python that can run a statement; Debian's libraries belong to Debian's Python. */
function findPython(statement: string, packages: string): Found {
  const program = [onPath("/usr/bin/python3"), onPath("python3")].find((python) => {
    if (python === undefined) return false;
    return spawnSync(python, ["-c", statement], { timeout: 120_000, stdio: "ignore" }).status === 0;
  });
  return program === undefined ? { missing: `install ${packages} for Python` } : { program };
}

/** Debian keeps servers where only root looks for programs. */
function findProxy(name: ProxyName): Found {
  const program = onPath(name) ?? onPath(`/usr/sbin/${name}`);
  return program === undefined ? { missing: `no ${name}: install ${name}` } : { program };
}

function findCoturn(): Found {
  const program = onPath("turnserver");
  return program === undefined ? { missing: "no TURN server: install coturn" } : { program };
}

function findRedis(): Found {
  const program = onPath("redis-server");
  return program === undefined ? { missing: "no Redis: install redis-server" } : { program };
}

function findValkey(): Found {
  const program = onPath("valkey-server");
  return program === undefined ? { missing: "no Valkey: install valkey-server" } : { program };
}

function findOpenssl(): Found {
  const program = onPath("openssl");
  return program === undefined ? { missing: "no openssl: install openssl" } : { program };
}

/** The checker of metrics that comes with Prometheus. */
function findPromtool(): Found {
  const program = onPath("promtool");
  return program === undefined ? { missing: "no promtool: install prometheus" } : { program };
}

function findSystemd(): Found {
  const program = onPath("systemd-analyze");
  return program === undefined ? { missing: "no systemd-analyze: install systemd" } : { program };
}

/** The place where packages come from, asked by npm's own client. */
function findRegistry(): Found {
  const program = onPath("npm");
  const isThere = program !== undefined &&
    spawnSync(program, ["ping"], { timeout: 120_000, stdio: "ignore" }).status === 0;
  return isThere ? { program } : { missing: "no package registry: needs npm and a network" };
}

/** The program that runs another one in a terminal. */
function findScript(): Found {
  const program = onPath("script");
  return program === undefined || Deno.build.os !== "linux"
    ? { missing: "no script: install bsdutils, on Linux" }
    : { program };
}

/** The program that takes from root what root may do beyond other users. */
function findSetpriv(): Found {
  const program = onPath("setpriv");
  return program === undefined || Deno.build.os !== "linux"
    ? { missing: "no setpriv: install util-linux, on Linux" }
    : { program };
}

/** For a network of a test's own. */
function findUnshare(): Found {
  const program = onPath("unshare");
  const probe = ["-rn", "ip", "link", "set", "lo", "up"];
  return program !== undefined && spawnSync(program, probe, { stdio: "ignore" }).status === 0
    ? { program }
    : { missing: "no network namespaces: install util-linux and iproute2, on Linux" };
}

/** The file a command name or path stands for. */
function onPath(command: string): string | undefined {
  const folders = command.includes("/") ? [""] : (Deno.env.get("PATH") ?? "").split(delimiter);
  return folders.map((folder) => join(folder, command)).find((path) =>
    statSync(path, { throwIfNoEntry: false })?.isFile()
  );
}

function once<T>(search: () => T): () => T {
  let result: { value: T } | undefined;
  return () => (result ??= { value: search() }).value;
}
