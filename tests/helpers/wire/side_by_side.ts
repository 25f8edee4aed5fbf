type Case = (name: string, fn: () => Promise<void>) => void;

/**
 * Registers one test, and returns a function that adds a case to it. The cases run side by side,
 * because they spend their time waiting for the server's timers. They may share nothing.
 */
export function sideBySide(name: string): Case {
  const cases: [name: string, fn: () => Promise<void>][] = [];
  Deno.test(name, (context) => allAtOnce(context, cases));
  return (...one) => void cases.push(one);
}

/** Runs cases as steps of a test, all at once. The test itself looks for leaks. */
export async function allAtOnce(
  context: Deno.TestContext,
  cases: readonly (readonly [name: string, fn: () => Promise<void>])[],
): Promise<void> {
  const unwatched = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  await Promise.all(cases.map(([name, fn]) => context.step({ name, fn, ...unwatched })));
}
