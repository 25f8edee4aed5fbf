import { assertEquals } from "@std/assert";
import { CATALOGUE } from "../../../src/observe/catalogue.ts";
import { startMain } from "../../helpers/process/main_process.ts";
import { openPeerJs } from "../../helpers/wire/peers.ts";
import { until } from "../../helpers/wire/waiting.ts";

/** The part of an export that the test reads: OTLP in JSON. */
interface Export {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit?: string;
        readonly gauge?: { readonly dataPoints: readonly DataPoint[] };
        readonly histogram?: { readonly dataPoints: readonly HistogramPoint[] };
      }[];
    }[];
  }[];
}

interface DataPoint {
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }[];
  readonly asDouble?: number;
  readonly asInt?: number | string;
}

interface HistogramPoint extends Pick<DataPoint, "attributes"> {
  readonly count: number | string;
  readonly explicitBounds: readonly number[];
}

Deno.test({
  name: "OTEL_DENO=true exports the metrics by OpenTelemetry, from the same table",
  // An executable takes these settings when it is built.
  ignore: Deno.env.get("SIGNALBOX_BIN") !== undefined,
  fn: exportsMetrics,
});

async function exportsMetrics(): Promise<void> {
  const exports: Export[] = [];
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const text = await request.text();
      if (request.url.endsWith("/metrics")) exports.push(JSON.parse(text));
      return Response.json({});
    },
  );
  await using server = await startMain({
    args: ["--listen", "http://127.0.0.1:0"],
    env: {
      OTEL_DENO: "true",
      OTEL_TRACES_SAMPLER: "always_off",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
    },
  });
  const [url = ""] = server.urls;
  await using _alice = await openPeerJs(url.replace(/^http/, "ws"), "alice");
  const peers = (): number | undefined => {
    const points = metricsIn(exports.at(-1)).find(({ name }) => name === "signalbox.peers")?.gauge
      ?.dataPoints ?? [];
    const point = points.find(({ attributes }) =>
      attributes.some(({ key, value }) => key === "dialect" && value.stringValue === "peerjs")
    );
    return point && Number(point.asDouble ?? point.asInt);
  };
  await until("an export with the peer", () => peers() === 1);
  const names = metricsIn(exports.at(-1)).map(({ name }) => name);
  for (const name of ["signalbox.connections_accepted", "signalbox.ready"]) {
    assertEquals(names.filter((one) => one === name).length, 1, name);
  }
  const identified = metricsIn(exports.at(-1)).find(({ name }) =>
    name === "signalbox.identify_duration_seconds"
  );
  const [point] = identified?.histogram?.dataPoints ?? [];
  // The bounds are those of the scrape.
  const { buckets } = CATALOGUE.signalbox_identify_duration_seconds;
  assertEquals([identified?.unit, Number(point?.count), point?.explicitBounds], ["s", 1, buckets]);
}

function metricsIn(
  one: Export | undefined,
): Export["resourceMetrics"][number]["scopeMetrics"][number]["metrics"] {
  return one?.resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics)
  ) ?? [];
}
