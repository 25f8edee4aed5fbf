import type { Bar, Contender } from "./transport.ts";

const WIDTH = 720;
const LABEL_WIDTH = 120;
const BAR_HEIGHT = 18;
const GROUP_GAP = 44;
const TOP = 36;
/** In the order in which they are drawn. */
const SERIES: readonly (readonly [contender: Contender, label: string, colour: string])[] = [
  ["bare", "bare relay", "#9aa5b1"],
  ["serve", "serve", "#3e7cb1"],
  ["strict", "strict", "#e08e45"],
];

/** Draws medians as an SVG: per figure one bar for each server, to the scale of the longest. */
export function drawChart(bars: readonly Bar[]): string {
  const groupHeight = SERIES.length * BAR_HEIGHT + GROUP_GAP;
  const height = TOP + bars.length * groupHeight;
  const groups = bars.map((bar, at) => drawGroup(bar, TOP + at * groupHeight)).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>CPU time per message and memory per idle connection, less is better</title>
<style>text { font: 13px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 }</style>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="12" y="22">Less is better</text>
${groups}</svg>
`;
}

function drawGroup({ title, rounds }: Bar, top: number): string {
  const values = SERIES.map(([contender]) => median(rounds.map((round) => round[contender])));
  const longest = Math.max(...values);
  const rows = SERIES.map(([, label, colour], at) => {
    const value = values[at] ?? 0;
    const y = top + 24 + at * BAR_HEIGHT;
    const width = (WIDTH - LABEL_WIDTH - 80) * value / longest;
    return `<text x="12" y="${y + 13}">${label}</text>
<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="14" fill="${colour}"/>
<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 13}">${value.toFixed(1)}</text>
`;
  }).join("");
  return `<text class="title" x="12" y="${top + 16}">${title}</text>
${rows}`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
