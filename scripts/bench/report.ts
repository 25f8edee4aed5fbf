import type { Both } from "./job.ts";

/** One line of the report: both servers' measurements of each round. */
export interface Row {
  readonly title: string;
  /** Decimal places of the readings. */
  readonly digits: number;
  readonly rounds: readonly Both<number>[];
  /** The most the ratio may be. */
  readonly target?: number;
}

/** Rows as aligned text: medians, then the range of the rounds' ratios, which shows the noise. */
export function format(
  rows: readonly Row[],
  sides: Readonly<Both<string>> = { signalbox: "signalbox", yardstick: "yardstick" },
): string {
  const head = ["", sides.signalbox, sides.yardstick, "ratio", "range", "target"];
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0))
  );
  const text = (line: readonly string[]): string =>
    line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd();
  return lines.map((line) => `${text(line)}\n`).join("");
}

/** Whether the row keeps to its target; one without a target does. */
export function isMet(row: Row): boolean {
  return row.target === undefined || median(ratios(row)) <= row.target;
}

/** How far a row's ratio is known: the 95 % interval of its median, by resampled rounds. */
export function certainty(row: Row): string {
  const all = ratios(row);
  return interval(() => median(all.map(() => all[Math.floor(Math.random() * all.length)] ?? NaN)));
}

const RESAMPLES = 2_000;

/** The bounds of 95 % of the values of a random draw. */
export function interval(draw: () => number): string {
  const drawn = Array.from({ length: RESAMPLES }, draw).toSorted((one, other) => one - other);
  return [0.025, 0.975].map((share) => drawn[Math.floor(share * RESAMPLES)]?.toFixed(2)).join("-");
}

function cells(row: Row): string[] {
  const sorted = ratios(row).toSorted((one, other) => one - other);
  const range = [sorted.at(0), sorted.at(-1)].map((ratio) => ratio?.toFixed(2)).join("-");
  return [
    row.title,
    median(row.rounds.map(({ signalbox }) => signalbox)).toFixed(row.digits),
    median(row.rounds.map(({ yardstick }) => yardstick)).toFixed(row.digits),
    median(sorted).toFixed(2),
    row.rounds.length > 1 ? range : "",
    row.target === undefined ? "" : `<= ${row.target} ${isMet(row) ? "pass" : "MISS"}`,
  ];
}

function ratios({ rounds }: Row): number[] {
  return rounds.map(({ signalbox, yardstick }) => signalbox / yardstick);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}
