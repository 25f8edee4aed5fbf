import type { TlsMaterial } from "./transport.ts";

/** Throws the system's error if a certificate and a key are not a usable pair. */
export function proveTls(tls: TlsMaterial): void {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls }).close();
  } catch (error) {
    // Nothing can be proved if the process may listen at one address only.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}
