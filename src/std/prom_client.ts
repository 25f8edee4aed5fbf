// The typed door to prom-client; see assert.ts beside it. Its index also loads an HTTP client and a
// cluster of processes, which take 1.3 MB of every start.
// @ts-types="./prom_client/counter.d.ts"
export { default as Counter } from "npm:prom-client@15.1.3/lib/counter.js";
// @ts-types="./prom_client/gauge.d.ts"
export { default as Gauge } from "npm:prom-client@15.1.3/lib/gauge.js";
// @ts-types="./prom_client/histogram.d.ts"
export { default as Histogram } from "npm:prom-client@15.1.3/lib/histogram.js";
// @ts-types="./prom_client/registry.d.ts"
export { default as Registry } from "npm:prom-client@15.1.3/lib/registry.js";
export type { Metric } from "npm:prom-client@15.1.3";
