import { Counter, Gauge, Histogram, type Metric, Registry } from "prom-client";
import type { Breaks, Turns } from "../core/breaks.ts";
import {
  CATALOGUE,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type Labels,
  MAX_SETS,
  type MetricEntry,
  type MetricName,
} from "./catalogue.ts";

export type { Labels } from "./catalogue.ts";

/** The series of a family at the moment of a scrape. */
type Series = Iterable<readonly [labels: Labels, value: number]>;

/** Takes the look that a family's series come from, unless this reading has taken it. */
type Look = (reading: number, breaks: Breaks) => Promise<void>;

/** One series as another exporter reads it. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Receives each recorded duration, for another exporter. */
export type Recorder = (name: HistogramName, labels: Labels, seconds: number) => void;

/** The metrics of one server, in Prometheus' text format. Every name is in the catalogue. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #families = new Map<MetricName, Metric>();
  /** Numbers that other parts keep; they are read at each scrape. */
  readonly #sources = new Map<MetricName, (() => Series)[]>();
  readonly #looks = new Map<MetricName, Look>();
  /** The durations that are not in their histograms yet. */
  readonly #pending = new Map<MetricName, PendingDurations[]>();
  /** The label sets of counters that are counted here. */
  readonly #sets = new Map<MetricName, Set<string>>();
  readonly #turns: Turns;
  /** The scrape that waits for its first turn. */
  #waiting: Promise<string> | undefined;
  /** Scrapes and readings of single families that have begun. */
  #readings = 0;
  #recorder: Recorder | undefined;

  constructor(turns: Turns) {
    this.#turns = turns;
    for (const name of Object.keys(CATALOGUE)) this.#add(name as MetricName); // its own keys
  }

  /** Adds one. For events, not for frames: a label costs a look-up. */
  count(name: CounterName, labels: Labels = {}): void {
    const counter = this.#families.get(name);
    if (counter instanceof Counter) counter.inc(this.#bounded(name, labels));
  }

  /**
   * Returns the function that records a duration with these labels. The histogram gets them in
   * batches: a relay with a thousand connections would find its objects in a cold cache each time.
   */
  timer(name: HistogramName, labels: Labels = {}): (seconds: number) => void {
    const histogram = this.#families.get(name);
    if (!(histogram instanceof Histogram)) return () => {};
    const pending = new PendingDurations(histogram.labels(labels));
    this.#pending.set(name, [...this.#pending.get(name) ?? [], pending]);
    return (seconds) => {
      pending.add(seconds);
      this.#recorder?.(name, labels, seconds);
    };
  }

  /** Hands all further durations to another exporter, too. */
  record(recorder: Recorder): void {
    this.#recorder = recorder;
  }

  /** Shows a number that another part keeps; undefined is left out. */
  read(
    name: CounterName | GaugeName,
    read: () => number | undefined,
    labels: Labels = {},
  ): void {
    this.readEach(name, () => {
      const value = read();
      return value === undefined ? [] : [[labels, value]];
    });
  }

  /** Shows numbers that another part keeps, each with its labels. */
  readEach(name: CounterName | GaugeName, read: () => Series): void {
    const sources = this.#sources.get(name) ?? [];
    this.#sources.set(name, [...sources, read]);
  }

  /** Shows families that come from one look, which a scrape takes only once. */
  readTogether<T>(
    look: (breaks: Breaks) => T | Promise<T>,
    families: readonly (readonly [name: CounterName | GaugeName, series: (seen: T) => Series])[],
  ): void {
    let seen: { readonly reading: number; readonly value: T } | undefined;
    const lookOnce: Look = async (reading, breaks) => {
      if (seen?.reading !== reading) seen = { reading, value: await look(breaks) };
    };
    for (const [name, series] of families) {
      this.#looks.set(name, lookOnce);
      this.readEach(name, () => seen === undefined ? [] : series(seen.value));
    }
  }

  /** All metrics, as text. Scrapes that come before one has begun share its text. */
  expose(): Promise<string> {
    return this.#waiting ??= this.#scrape();
  }

  /** Reads each family at a moment of its own, since clients come first. */
  async #scrape(): Promise<string> {
    const breaks = await this.#turns.begin();
    this.#waiting = undefined;
    const reading = ++this.#readings;
    const texts: string[] = [];
    for (const name of this.#families.keys()) {
      await this.#looks.get(name)?.(reading, breaks);
      if (breaks.isDue) await breaks.take();
      texts.push(await this.#registry.getSingleMetricAsString(name));
    }
    return `${texts.join("\n\n")}\n`;
  }

  /** The current series of a counter or a gauge. */
  async samples(name: CounterName | GaugeName): Promise<readonly Sample[]> {
    const reading = ++this.#readings;
    const look = this.#looks.get(name);
    if (look !== undefined) await look(reading, await this.#turns.begin());
    const { values } = await this.#families.get(name)?.get() ?? { values: [] };
    return values.map(({ labels, value }) => ({ labels: labels as Labels, value }));
  }

  #add(name: MetricName): void {
    const { type, help, labels, buckets = [] }: MetricEntry = CATALOGUE[name];
    const common = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === "histogram") {
      const collect = (): void => this.#pending.get(name)?.forEach((one) => one.flush());
      this.#families.set(name, new Histogram({ ...common, buckets: [...buckets], collect }));
      return;
    }
    const collect = (): void => this.#collect(name);
    const family = type === "counter"
      ? new Counter({ ...common, collect })
      : new Gauge({ ...common, collect });
    // Without a source a gauge has no value, not even 0.
    if (family instanceof Gauge) family.remove({});
    this.#families.set(name, family);
  }

  #collect(name: MetricName): void {
    const family = this.#families.get(name);
    const sources = this.#sources.get(name);
    if (family === undefined || sources === undefined) return;
    family.reset();
    if (family instanceof Gauge) family.remove({});
    for (const [labels, value] of sources.flatMap((read) => [...read()])) {
      if (family instanceof Gauge) family.set(labels, value);
      else if (family instanceof Counter) family.inc(labels, value);
    }
  }

  /** The labels, or "other" for each where the family has as many label sets as it may. */
  #bounded(name: CounterName, labels: Labels): Labels {
    const key = Object.values(labels).join("\n");
    let sets = this.#sets.get(name);
    if (sets === undefined) this.#sets.set(name, sets = new Set());
    if (sets.has(key)) return labels;
    const { maxSets = MAX_SETS }: MetricEntry = CATALOGUE[name];
    if (sets.size >= maxSets) {
      return Object.fromEntries(Object.keys(labels).map((label) => [label, "other"]));
    }
    sets.add(key);
    return labels;
  }
}

const BATCH = 64;

/** Durations on their way into a histogram. */
class PendingDurations {
  readonly #histogram: { observe(seconds: number): void };
  readonly #seconds = new Float64Array(BATCH);
  #count = 0;

  constructor(histogram: { observe(seconds: number): void }) {
    this.#histogram = histogram;
  }

  add(seconds: number): void {
    this.#seconds[this.#count++] = seconds;
    if (this.#count === BATCH) this.flush();
  }

  flush(): void {
    for (const seconds of this.#seconds.subarray(0, this.#count)) this.#histogram.observe(seconds);
    this.#count = 0;
  }
}
