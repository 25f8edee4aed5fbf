import { createNoopMeter, type Meter, metrics as api, type Observable } from "@opentelemetry/api";
import { CATALOGUE, type CounterName, type GaugeName, type MetricEntry } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Hands counters and gauges to OpenTelemetry if the runtime exports them (`OTEL_DENO=true`). The
 * numbers are those of the metrics, read at each export. OpenTelemetry has no histogram that is read.
 */
export function exportMetrics(
  metrics: Metrics,
  version: string,
  meter: Meter = api.getMeter("signalbox", version),
): void {
  if (meter === createNoopMeter()) return;
  const entries: [string, MetricEntry][] = Object.entries(CATALOGUE);
  for (const [name, { type, help }] of entries) {
    // The runtime itself reports the process.
    if (type === "histogram" || !name.startsWith("signalbox_")) continue;
    const instrument = type === "counter"
      ? meter.createObservableCounter(nameOf(name), { description: help, ...unitOf(name) })
      : meter.createObservableGauge(nameOf(name), { description: help, ...unitOf(name) });
    observe(instrument, metrics, name as CounterName | GaugeName); // by its type
  }
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
