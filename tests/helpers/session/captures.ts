/** The first line of a capture. */
export interface CaptureHead {
  readonly client: string;
  readonly scene: string;
}

/** A line of a capture: "in" is what the client said, "out" what the reference server sent it. */
export type CaptureLine =
  | { readonly peer: string; readonly dir: "open"; readonly url: string }
  | { readonly peer: string; readonly dir: "in"; readonly frame: string }
  | { readonly peer: string; readonly dir: "out"; readonly frame: string }
  | { readonly peer: string; readonly dir: "close"; readonly code?: number };

export interface Capture {
  readonly file: string;
  readonly head: CaptureHead;
  readonly lines: readonly CaptureLine[];
}

const FIXTURES = new URL("../../fixtures/", import.meta.url);

/** Every capture of a dialect's real clients, in the order of their file names. */
export function capturesOf(dialect: string): Capture[] {
  const folder = new URL(`${dialect}/`, FIXTURES);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".jsonl")).sort();
  return files.map((file) => {
    const [head, ...lines] = Deno.readTextFileSync(new URL(file, folder)).trim().split("\n")
      .map((line) => JSON.parse(line));
    return { file, head, lines };
  });
}

/** Every frame that a dialect's real clients said. */
export function framesOf(dialect: string): string[] {
  return capturesOf(dialect).flatMap(({ lines }) =>
    lines.flatMap((line) => line.dir === "in" ? [line.frame] : [])
  );
}
