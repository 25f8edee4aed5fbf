/* Values as people read them. Unknown ones are a dash. */

const DASH = "–";

/** A point in time of the API, in the reader's zone. */
export function time(text) {
  if (text === null || text === undefined) return DASH;
  return new Date(text).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

/** A duration such as "3 d 4 h" or "12 s". */
export function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === "s" && parts.length === 0)) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** A number with at most one decimal and the reader's separators. */
export function number(value) {
  if (value === null || value === undefined) return DASH;
  return value.toLocaleString(undefined, { maximumFractionDigits: 1 });
}

export function bytes(value) {
  if (value === null || value === undefined) return DASH;
  const units = ["B", "KiB", "MiB", "GiB"];
  let nth = 0;
  while (value >= 1024 && nth < units.length - 1) {
    value /= 1024;
    nth++;
  }
  return `${number(value)} ${units[nth]}`;
}

/** Anything else: text as it is, everything structured as JSON. */
export function plain(value) {
  if (value === null || value === undefined || value === "") return DASH;
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

/** A name of the API as a heading: "framesReceived" becomes "Frames received". */
export function heading(name) {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[0].toUpperCase() + words.slice(1);
}
