/** Below the ports that systems give to clients and to listeners at port 0. */
const [FIRST, LAST] = [12_000, 30_000];

/**
 * A port that is free for a program that cannot report a port of its own choice, and stays free while
 * it starts again: nothing else on the machine is given such a port by chance.
 */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor((LAST - FIRST) * Math.random());
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) && Deno.build.os !== "windows") throw error;
    }
  }
}
