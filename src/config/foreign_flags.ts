import { DIALECTS } from "../dialects/mod.ts";

const PEM = "signalbox reads PEM files: convert it with `openssl pkcs12 -in FILE -nodes -out " +
  "FILE.pem` and give FILE.pem to both --tls-cert and --tls-key";

/** Flags that reference servers document and signalbox cannot take as they are, and why. */
const EXPLAINED: Readonly<Record<string, string>> = {
  // gst-webrtc-signalling-server's certificate is a PKCS #12 file.
  "--cert": `Cannot use "--cert": ${PEM}`,
  "--cert-password": `Cannot use "--cert-password": ${PEM}`,
};

const NO_DIALECT = new Set(DIALECTS.map(({ name }) => `--no-${name}`));

/** Explains a flag of another server in one line; undefined if it is not one of these. */
export function explainedFlag(flag: string): string | undefined {
  if (NO_DIALECT.has(flag)) return `Unknown option "${flag}": name what to serve with --dialects`;
  return Object.hasOwn(EXPLAINED, flag) ? EXPLAINED[flag] : undefined;
}

/** Adds to a complaint about a flag's value what the value means to another server. */
export function foreignMeaning(flag: string, value: unknown): string {
  // To PeerServer -c is the limit of clients, to gst-webrtc-signalling-server the certificate.
  const isFile = flag === "-c" && typeof value === "string" && /[./\\]/.test(value);
  return isFile ? `; to use it as a certificate: ${PEM}` : "";
}
