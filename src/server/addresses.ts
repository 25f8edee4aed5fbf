import { listenersOf, type Listening } from "../config/listeners.ts";
import type { Config } from "../config/schema.ts";
import { adminListenersOf } from "./operators/admin.ts";
import { Certificate } from "./listening/certificates.ts";

/** The addresses to listen at, and the certificate for those with https. */
export interface Addresses {
  readonly clients: readonly Listening[];
  /** Where operators are served alone; empty where they share the clients' addresses. */
  readonly operators: readonly Listening[];
  readonly certificate: Certificate | undefined;
}

/** Reads the configured addresses. Throws ConfigError if they or the certificate are invalid. */
export function addressesOf(config: Config): Addresses {
  const { listeners: clients, tls } = listenersOf(config);
  const operators = adminListenersOf(config, tls !== undefined);
  const isSecure = [...clients, ...operators].some((where) => where.isSecure);
  return { clients, operators, certificate: tls && new Certificate(tls, isSecure) };
}
