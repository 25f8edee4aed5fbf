import { assert, assertEquals } from "@std/assert";
import { CATALOGUE, type MetricEntry } from "../../src/observe/catalogue.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
}

const FILE = new URL("../../scripts/grafana/signalbox.json", import.meta.url);
const DASHBOARD: {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
} = JSON.parse(Deno.readTextFileSync(FILE));
const ENTRIES = new Map<string, MetricEntry>(Object.entries(CATALOGUE));
const QUERIES = DASHBOARD.panels.flatMap(({ targets = [] }) => targets);

/** The families in a query, by the name of the catalogue. */
function familiesIn(expr: string): [name: string, entry: MetricEntry | undefined][] {
  return [...expr.matchAll(/\b(signalbox|process)_\w+/g)].map(([series]) => {
    const name = ENTRIES.has(series) ? series : series.replace(/_(bucket|sum|count)$/, "");
    return [name, ENTRIES.get(name)];
  });
}

Deno.test("every metric of the dashboard exists, with the labels by which it is summed", () => {
  const allowed = new Set(["instance", "le"]);
  for (const { expr, legendFormat } of QUERIES) {
    const families = familiesIn(expr);
    assert(families.length > 0, expr);
    const [, by = ""] = /by \(([^)]*)\)/.exec(expr) ?? [];
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
    for (const [name, entry] of families) {
      assert(entry !== undefined, `${name} in ${expr}`);
      assertEquals(expr.includes(`${name}_bucket`), entry.type === "histogram", expr);
      for (const label of [...by.split(", ").filter((one) => one !== ""), ...shown]) {
        assert(allowed.has(label) || entry.labels.includes(label), `${label} of ${name}`);
      }
    }
  }
});

Deno.test("counters are shown as rates, and every query is of the chosen source and instances", () => {
  for (const { expr } of QUERIES) {
    const [[, entry] = []] = familiesIn(expr);
    if (entry?.type === "counter") assert(/(rate|increase)\(/.test(expr), expr);
    assert(expr.includes('instance=~"$instance"'), expr);
  }
  for (const { datasource, targets } of DASHBOARD.panels) {
    if (targets !== undefined) assertEquals(datasource?.uid, "${datasource}");
  }
  const variables = DASHBOARD.templating.list.map(({ name }) => name);
  assertEquals(variables, ["datasource", "instance"]);
});

Deno.test("the dashboard has its five rows, and no panel covers another", () => {
  const rows = DASHBOARD.panels.filter(({ type }) => type === "row").map(({ title }) => title);
  assertEquals(rows, ["Overview", "Traffic", "Refusals and auth", "Webhooks", "Process"]);
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of DASHBOARD.panels) {
    assert(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert(!taken.has(`${column} ${line}`), `${title} covers another panel`);
        taken.add(`${column} ${line}`);
      }
    }
  }
  assertEquals(new Set(DASHBOARD.panels.map(({ id }) => id)).size, DASHBOARD.panels.length);
});
