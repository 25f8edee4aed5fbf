import type { TlsMaterial } from "./transport.ts";

/**
 * Throws the system's error if a certificate and a key are not a usable pair.
 * @returns false if nothing can be proved, because the process may listen at one address only
 */
export function proveTls(tls: TlsMaterial): boolean {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...tls }).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return false;
  }
}
