/** A test's needs of the operating system. */
export type Facility = keyof typeof FACILITIES;

export interface SystemTest {
  readonly name: string;
  readonly needs: Facility;
  readonly fn: (t: Deno.TestContext) => void | Promise<void>;
}

interface Where {
  readonly systems: readonly (typeof Deno.build.os)[];
  /** Why it is not to be had elsewhere. */
  readonly reason: string;
}

const FACILITIES = {
  signals: {
    systems: ["linux", "darwin"],
    reason: "a signal kills here, and cannot ask a process to end",
  },
  openFiles: {
    systems: ["linux"],
    reason: "how many files a process may open is set and read as on Linux",
  },
  unlinking: {
    systems: ["linux", "darwin"],
    reason: "a file that is open cannot be deleted here, nor its folder renamed",
  },
  modes: {
    systems: ["linux", "darwin"],
    reason: "files have no modes here",
  },
  gnu: {
    systems: ["linux"],
    reason: "README's commands for a service are those of Linux",
  },
} as const satisfies Record<string, Where>;

/**
 * Registers a test; on a system that lacks something it is ignored, and its name gives the reason.
 */
export function systemTest({ name, needs, fn }: SystemTest): void {
  const { systems, reason }: Where = FACILITIES[needs];
  if (systems.includes(Deno.build.os)) return Deno.test(name, fn);
  Deno.test({ name: `${name} (skipped: ${reason})`, ignore: true, fn });
}
