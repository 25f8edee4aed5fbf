/** Suites in which no hub takes part: parsers, and the client library against a real server. */
const HUBLESS =
  /\/(kit\/.*|messages|python_text|mailbox|mailbox_property|waiting_room|signal_log|kept_signals|issued_ids|leg_contract|schemas|secrets|client|client_call|client_room|client_token)_test\.ts$/;
/** Suites that run the others once more. */
const MODES = /\/(written_events|late_steps|bridged_realm|dealt)_test\.ts$/;

/** The test files in a folder and those below. */
function testFilesIn(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testFilesIn(new URL(`${name}/`, folder));
    return name.endsWith("_test.ts") ? [new URL(name, folder)] : [];
  });
}

/**
 * Registers the suites of a folder in which a hub takes part once more.
 * @param apart suites that do not run in the caller's mode
 */
export async function registerAgain(folder: URL, apart?: RegExp): Promise<void> {
  for (const { href } of testFilesIn(folder)) {
    const isApart = [HUBLESS, MODES, apart].some((pattern) => pattern?.test(href));
    if (!isApart) await import(href);
  }
}
