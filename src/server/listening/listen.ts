import { type Listening, urlOf } from "../../config/listeners.ts";
import { ConfigError } from "../../config/load.ts";
import { plainAddress } from "../../http/address.ts";
import type { Journal } from "../../observe/journal.ts";
import { messageOf } from "../../system/errors.ts";
import type { Listener, ListenOptions, TlsMaterial, Transport } from "../../transport/transport.ts";

/** An address that cannot be listened at now; the message is one line for people. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

export interface ListenParts {
  readonly handle: ListenOptions["handle"];
  readonly journal: Journal;
  readonly transport: Transport;
}

/**
 * Listens at one address. On a machine without IPv6, the address for everything is IPv4's. Throws
 * AddressError if trying again may help, and ConfigError otherwise.
 */
export function listen(
  where: Listening,
  tls: TlsMaterial | undefined,
  { handle, journal, transport }: ListenParts,
): Listener {
  const open = (hostname: string): Listener => {
    const listener = transport.listen({
      hostname,
      port: where.port,
      tls,
      handle,
      onRefused: (remote, status) => {
        const visitor = { dialect: "none", address: plainAddress(remote), pathname: "" };
        journal.turnedAway(visitor, status);
      },
      onBroken: (error) => {
        const url = urlOf({ ...where, hostname, port: listener.port });
        journal.listenerBroken(url, error);
      },
    });
    return listener;
  };
  try {
    try {
      return open(where.hostname);
    } catch (error) {
      if (where.hostname !== "::" || isFinal(error)) throw error;
      return open("0.0.0.0");
    }
  } catch (error) {
    const message = `Cannot listen at ${urlOf(where)}: ${listenFailure(error)}`;
    throw mayPass(error) ? new AddressError(message) : new ConfigError([message]);
  }
}

/** True if only the moment is wrong: another process listens, or a network is not up yet. */
function mayPass(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.AddrNotAvailable;
}

/** True if another address of this machine would fail likewise. */
function isFinal(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.InvalidData;
}

function listenFailure(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "the port is in use: choose another with --port (or --listen)";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  if (error instanceof Deno.errors.NotCapable) return "Deno was not given --allow-net for it";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return messageOf(error);
}
