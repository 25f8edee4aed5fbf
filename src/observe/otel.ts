import {
  createNoopMeter,
  type Histogram,
  type Meter,
  metrics as api,
  type Observable,
} from "@opentelemetry/api";
import { CATALOGUE, type CounterName, type GaugeName, type MetricEntry } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Hands all metrics to OpenTelemetry if the runtime exports them (`OTEL_DENO=true`). Counters and
 * gauges are read at each export. OpenTelemetry has no histogram that is read, so it gets durations as
 * they are recorded.
 */
export function exportMetrics(
  metrics: Metrics,
  version: string,
  meter: Meter = api.getMeter("signalbox", version),
): void {
  if (meter === createNoopMeter()) return;
  const entries: [string, MetricEntry][] = Object.entries(CATALOGUE);
  const histograms = new Map<string, Histogram>();
  for (const [name, { type, help, buckets = [] }] of entries) {
    // The runtime itself reports the process.
    if (!name.startsWith("signalbox_")) continue;
    if (type === "histogram") {
      const advice = { explicitBucketBoundaries: [...buckets] };
      const options = { description: help, ...unitOf(name), advice };
      histograms.set(name, meter.createHistogram(nameOf(name), options));
      continue;
    }
    const instrument = type === "counter"
      ? meter.createObservableCounter(nameOf(name), { description: help, ...unitOf(name) })
      : meter.createObservableGauge(nameOf(name), { description: help, ...unitOf(name) });
    observe(instrument, metrics, name as CounterName | GaugeName); // by its type
  }
  metrics.record((name, labels, seconds) => histograms.get(name)?.record(seconds, labels));
}

function observe(instrument: Observable, metrics: Metrics, name: CounterName | GaugeName): void {
  instrument.addCallback(async (result) => {
    for (const { labels, value } of await metrics.samples(name)) result.observe(value, labels);
  });
}

/** Such as "signalbox.held_bytes" for "signalbox_held_bytes". */
function nameOf(name: string): string {
  return name.replace(/^signalbox_/, "signalbox.").replace(/_total$/, "");
}

function unitOf(name: string): { readonly unit?: string } {
  if (/_bytes(_total)?$/.test(name)) return { unit: "By" };
  return /_seconds(_total)?$/.test(name) ? { unit: "s" } : {};
}
