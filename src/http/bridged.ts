import { escape } from "./html.ts";

/** A dialect whose clients reach those of others, in words for people. */
export interface Bridged {
  readonly title: string;
  /** Calls a client by its id. */
  readonly call?: string;
  /** Enters a room, and meets everybody there. */
  readonly meet?: string;
}

export interface Bridge {
  readonly dialects: readonly Bridged[];
  /** The room in which members see the clients that are in none. */
  readonly lobby?: string | undefined;
}

/** The part of the page at `/` about calls between protocols; empty where there are none. */
export function bridgedSection({ dialects, lobby }: Bridge, details: string): string {
  if (dialects.length === 0) return "";
  const rows = dialects.flatMap((dialect) => {
    const others = dialects.filter((other) => other !== dialect);
    const rooms = titlesOf(others.filter(({ meet }) => meet !== undefined));
    const guests = titlesOf(others.filter(({ call }) => call !== undefined));
    const met = [
      ...rooms === "" ? [] : [`meets ${rooms} in the room`],
      ...lobby === undefined || guests === ""
        ? []
        : [`in <code>${escape(lobby)}</code> calls ${guests}`],
    ];
    return [
      row(dialect.title, dialect.call, `calls ${titlesOf(others)} by the id`),
      row(dialect.title, dialect.meet, met.join("; ")),
    ];
  });
  return `<h2>Between protocols</h2>
    <p>Clients of these protocols reach each other.
      <a href="${escape(details)}">Each pair has its conditions.</a></p>
    <table>
      ${rows.filter((row) => row !== "").join("\n      ")}
    </table>`;
}

function row(title: string, snippet: string | undefined, reached: string): string {
  if (snippet === undefined || reached === "") return "";
  return `<tr><th>${escape(title)}</th><td><code>${
    escape(snippet)
  }</code></td><td>${reached}</td></tr>`;
}

function titlesOf(dialects: readonly Bridged[]): string {
  return dialects.map(({ title }) => escape(title)).join(", ");
}
