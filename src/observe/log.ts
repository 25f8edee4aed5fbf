import {
  configureSync,
  disposeSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type LogRecord,
} from "@logtape/logtape";
import type { Clock } from "../core/clock.ts";

/** Facts that go with a log line; never tokens, query strings, SDP or a client's raw bytes. */
export type Facts = Readonly<Record<string, string | number>>;

/** From the least serious to the most. */
const LEVELS = ["debug", "info", "warning", "error"] as const;
type Level = typeof LEVELS[number];

/** The server's log. Everything goes to standard error, so that standard output stays readable. */
export interface Log {
  write(level: Level, what: string, facts?: Facts): void;
  /** A line that clients can cause: lines beyond the limit per second are only counted. */
  writeForClient(level: Level, what: string, facts: Facts): void;
  /** Has every later line end with these facts. */
  bear?(facts: Facts): void;
  /** True if debug lines are written; check it before building one. */
  readonly isDebug: boolean;
  /** Lines of clients beyond the limit, since the start; undefined for a log without one. */
  readonly suppressed?: number;
}

export interface LogOptions {
  readonly level: Level;
  readonly format: "text" | "json";
  readonly linesPerSecond: number;
}

/** Longest text of a client in a line. */
const MAX_TEXT = 64;

/** Starts logging; there is one log in a process. */
export function openLog(options: LogOptions, clock: Pick<Clock, "now">): Log & Disposable {
  const format = options.format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getTextFormatter({
      format: ({ timestamp, level, message, record }) =>
        `${timestamp} ${level} ${message}${factsText(record)}`,
    });
  const encoder = new TextEncoder();
  configureSync({
    reset: true,
    sinks: { stderr: (record) => writeLine(encoder.encode(format(record))) },
    loggers: [
      { category: "signalbox", lowestLevel: options.level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  const logger = getLogger("signalbox");
  let borne: Facts = {};
  // Each level has a budget of its own: many connections must not crowd out a warning or a fault.
  const budgets = new Map(
    LEVELS.map((level) => [level, new LineBudget(options.linesPerSecond, clock)]),
  );
  return {
    isDebug: options.level === "debug",
    get suppressed() {
      return budgets.values().reduce((sum, { total }) => sum + total, 0);
    },
    bear: (facts) => {
      borne = facts;
    },
    write: (level, what, facts = {}) => logger[level](what, { ...facts, ...borne }),
    writeForClient: (level, what, facts) => {
      // A line below the configured level does not use up the budget.
      if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return;
      const suppressed = budgets.get(level)?.take();
      if (suppressed === undefined) return;
      if (suppressed > 0) logger.warning("log lines suppressed", { count: suppressed, ...borne });
      logger[level](what, { ...facts, ...borne });
    },
    [Symbol.dispose]: () => {
      const count = budgets.values().reduce((sum, { pending }) => sum + pending, 0);
      if (count > 0) logger.warning("log lines suppressed", { count, ...borne });
      disposeSync();
    },
  };
}

/** Makes a client's text safe for a line: cut, and without control characters. */
export function shown(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return cut.replace(/[\p{C}\u2028\u2029]/gu, "�");
}

/** Limits the lines per second that clients may cause. */
class LineBudget {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, "now">;
  #second = -1;
  #written = 0;
  #pending = 0;
  #reported = 0;

  constructor(perSecond: number, clock: Pick<Clock, "now">) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Suppressed lines that no later line has reported yet. */
  get pending(): number {
    return this.#pending;
  }

  /** All suppressed lines. */
  get total(): number {
    return this.#reported + this.#pending;
  }

  /** Returns the number of lines suppressed since the last one; undefined to suppress this one. */
  take(): number | undefined {
    const second = Math.floor(this.#clock.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#written = 0;
    }
    if (this.#written >= this.#perSecond) {
      this.#pending++;
      return undefined;
    }
    this.#written++;
    const pending = this.#pending;
    this.#reported += pending;
    this.#pending = 0;
    return pending;
  }
}

function factsText(record: LogRecord): string {
  let text = "";
  for (const [name, value] of Object.entries(record.properties)) {
    const word = String(value);
    text += ` ${name}=${/^[\w.:/[\]-]+$/.test(word) ? word : quoted(word)}`;
  }
  return text;
}

/** Quotes a text as JSON, without control characters that a terminal would obey. */
function quoted(word: string): string {
  return JSON.stringify(word).replace(/[\p{C}\u2028\u2029]/gu, (character) => {
    const units = [...Array(character.length).keys()].map((at) => character.charCodeAt(at));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

/** Writes synchronously, so that the last lines of a process are not lost; lines are few by design. */
function writeLine(line: Uint8Array): void {
  try {
    Deno.stderr.writeSync(line);
  } catch {
    // A log that cannot be written must not stop the server, and no other place could report it.
  }
}
