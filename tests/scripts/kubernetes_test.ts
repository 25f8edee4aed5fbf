import { assert, assertEquals, assertThrows } from "@std/assert";
import { Deployment } from "npm:kubernetes-models@5.1.0/apps/v1/Deployment";
import { PodDisruptionBudget } from "npm:kubernetes-models@5.1.0/policy/v1/PodDisruptionBudget";
import { Service } from "npm:kubernetes-models@5.1.0/v1/Service";
import { ServiceMonitor } from "npm:@kubernetes-models/prometheus-operator@6.0.0/monitoring.coreos.com/v1/ServiceMonitor";
import { parse } from "npm:yaml@2.9.1";
import { loadConfig } from "../../src/config/load.ts";
import { stopBudgetMs } from "../../src/server/lifecycle.ts";

const FOLDER = new URL("../../scripts/kubernetes/", import.meta.url);

/** Kubernetes' own schemas of each manifest. */
const MODELS = {
  "deployment.yaml": Deployment,
  "service.yaml": Service,
  "pod_disruption_budget.yaml": PodDisruptionBudget,
  "service_monitor.yaml": ServiceMonitor,
} as const;

interface Labels {
  readonly [label: string]: string;
}

/** The parts of a manifest that have to fit those of the others. */
interface Manifest {
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec: Readonly<Record<string, unknown>>;
}

function manifestOf(name: keyof typeof MODELS): Manifest {
  return parse(Deno.readTextFileSync(new URL(name, FOLDER)));
}

const { template } = manifestOf("deployment.yaml").spec as {
  readonly template: {
    readonly metadata: { readonly labels: Labels };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly containers: readonly [{
        readonly args: readonly string[];
        readonly env: readonly { readonly name: string; readonly value: string }[];
        readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
        readonly readinessProbe: { readonly httpGet: { readonly path: string } };
        readonly livenessProbe: { readonly httpGet: { readonly path: string } };
        readonly lifecycle?: unknown;
      }];
    };
  };
};
const [container] = template.spec.containers;

Deno.test("every manifest is valid by Kubernetes' own schemas", () => {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  assertEquals(files, Object.keys(MODELS).sort());
  for (const [name, Model] of Object.entries(MODELS)) {
    const manifest = manifestOf(name as keyof typeof MODELS); // its own keys
    new Model(manifest as never).validate();
    const broken = { ...manifest, metadata: { ...manifest.metadata, labels: 1 } };
    assertThrows(() => new Model(broken as never).validate(), Error, "labels");
  }
});

Deno.test("all manifests are about the same pods", () => {
  const { labels } = template.metadata;
  const selectors = [
    manifestOf("service.yaml").spec["selector"],
    ...(["deployment.yaml", "pod_disruption_budget.yaml"] as const).map((name) =>
      (manifestOf(name).spec["selector"] as { matchLabels: Labels }).matchLabels
    ),
  ];
  for (const selector of selectors) assertEquals(selector, labels);
  const monitored = manifestOf("service_monitor.yaml").spec["selector"] as { matchLabels: Labels };
  assertEquals(monitored.matchLabels, manifestOf("service.yaml").metadata.labels);
});

Deno.test("the deployment starts a strict server that drains within its grace period", () => {
  const command = loadConfig({
    args: [...container.args],
    variable: (name) => container.env.find((one) => one.name === name)?.value,
    readFile: () => "",
  });
  assert(command.type === "serve");
  const { config } = command;
  assertEquals([config.transport.kind, config.metrics], ["strict", "/metrics"]);
  assert(config.drainDelayMs > 0 && config.drainMs > 0);
  const graceMs = 1_000 * template.spec.terminationGracePeriodSeconds;
  assert(graceMs >= config.drainDelayMs + config.drainMs + 15_000);
  assert(graceMs >= stopBudgetMs(config));
  assertEquals(container.ports.map(({ containerPort }) => containerPort), [config.port]);
  assertEquals(container.readinessProbe.httpGet.path, "/readyz");
  assertEquals(container.livenessProbe.httpGet.path, "/healthz");
  // The delay is the server's own: no hook sleeps.
  assertEquals(container.lifecycle, undefined);
});
