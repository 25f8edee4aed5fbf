/** Labels of a counter, such as { dialect: "peerjs" }; their values never come from clients. */
export type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly type: "counter" | "gauge";
  readonly help: string;
}

/** Counters and gauges in Prometheus' text exposition format. */
export class Metrics {
  readonly #metrics = new Map<string, Metric>();
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #gauges = new Map<string, Map<string, () => number>>();

  /** Registers a counter. Without a start it appears with its first count. */
  counter(name: string, help: string, start?: number): void {
    this.#metrics.set(name, { type: "counter", help });
    if (start !== undefined) entry(this.#counts, name).set(labelText({}), start);
  }

  /** Registers a number that is read at each scrape. */
  gauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.#metrics.set(name, { type: "gauge", help });
    entry(this.#gauges, name).set(labelText(labels), read);
  }

  /** Announces a count that somebody else keeps; it only grows. */
  total(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.#metrics.set(name, { type: "counter", help });
    entry(this.#gauges, name).set(labelText(labels), read);
  }

  /** Adds one. */
  count(name: string, labels: Labels = {}): void {
    const counts = entry(this.#counts, name);
    const label = labelText(labels);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }

  /** All metrics, as text. */
  expose(): string {
    const lines: string[] = [];
    for (const [name, { type, help }] of this.#metrics) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, count] of this.#counts.get(name) ?? []) {
        lines.push(`${name}${labels} ${count}`);
      }
      for (const [labels, read] of this.#gauges.get(name) ?? []) {
        lines.push(`${name}${labels} ${read()}`);
      }
    }
    return lines.join("\n") + "\n";
  }
}

function entry<V>(map: Map<string, Map<string, V>>, name: string): Map<string, V> {
  let inner = map.get(name);
  if (inner === undefined) map.set(name, inner = new Map());
  return inner;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
