import { mustBe } from "./complaint.ts";
import { ConfigError } from "./load.ts";
import type { Config } from "./schema.ts";

/** An address to listen on. */
export interface Listening {
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** The files for https. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The options about listening, in the words of every original server. */
export function listenersOf(config: Config): { listeners: Listening[]; tls: TlsFiles | undefined } {
  const tls = tlsFilesOf(config);
  const listeners = config.listen.length > 0
    ? config.listen.map((text) => parseListen("--listen", text))
    : [{
      hostname: config.host,
      port: config.port,
      isSecure: tls !== undefined && !config.disableSsl,
    }];
  if (tls === undefined && listeners.some(({ isSecure }) => isSecure)) {
    throw new ConfigError(["Cannot listen with https: --tls-cert and --tls-key are missing"]);
  }
  return { listeners, tls };
}

/** A listening address as a URL, for people and logs. */
export function urlOf({ hostname, port, isSecure }: Listening): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${isSecure ? "https" : "http"}://${host}:${port}`;
}

function tlsFilesOf({ tlsCert, tlsKey, certPath }: Config): TlsFiles | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert !== undefined || tlsKey !== undefined) {
    const missing = tlsCert === undefined ? "--tls-cert" : "--tls-key";
    throw new ConfigError([`Cannot use TLS: ${missing} is missing`]);
  }
  if (certPath === undefined) return undefined;
  const folder = certPath.replace(/\/+$/, "");
  return folder.includes("letsencrypt")
    ? { cert: `${folder}/fullchain.pem`, key: `${folder}/privkey.pem` }
    : { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
}

/** Reads the URL of an address to listen on. Throws ConfigError if it is invalid. */
export function parseListen(flag: string, text: string): Listening {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ConfigError([mustBe(flag, "a URL such as http://[::]:8080", text)]);
  }
  const isSecure = url.protocol === "https:";
  return {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    isSecure,
  };
}
