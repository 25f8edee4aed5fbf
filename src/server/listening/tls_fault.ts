import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TlsFiles } from "../../config/listeners.ts";
import type { TlsMaterial } from "../../transport/transport.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[^]*?-----END \1-----/;
/** Both forms in which PEM marks a key that is encrypted. */
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
const MIN_RSA_BITS = 2048;
/** Curves that can be served, under every name that the runtime has for them. */
const CURVES = ["prime256v1", "secp384r1", "secp521r1", "p256", "p384", "p521"];
const KINDS = ["rsa", "ec", "ed25519"];
const SUPPORTED = "use RSA, ECDSA with P-256, P-384 or P-521, or Ed25519";

/**
 * Explains a fault of these files in one line. Returns undefined for sound files.
 * @param isRefused true if the runtime refused them, false if it was not asked: `node:crypto` knows
 * fewer kinds of keys on Deno 2.6 than can be served
 */
export function tlsFault(
  files: TlsFiles,
  { cert, key }: TlsMaterial,
  isRefused: boolean,
): string | undefined {
  const aboutCert = certificateFault(cert);
  if (aboutCert !== undefined) return `Cannot use certificate "${files.cert}": ${aboutCert}`;
  const aboutKey = keyFault(key, files.key, isRefused);
  if (aboutKey !== undefined) return `Cannot use private key "${files.key}": ${aboutKey}`;
  return pairFault(files, { cert, key });
}

/** Explains a file that is not text; undefined if it may be PEM. */
export function binaryFault(bytes: Uint8Array, what: string, path: string): string | undefined {
  const [tag, length = 0, first] = bytes;
  const isSequence = tag === 0x30 && (length >= 0x80 || first === 2);
  if (!isSequence) return undefined;
  // PKCS #12 begins with its version, 3.
  const content = bytes.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
  if (content[0] === 2 && content[1] === 1 && content[2] === 3) {
    return `it is PKCS #12, not PEM: convert it with openssl pkcs12 -in ${path} -nodes -out NEW.pem`;
  }
  const command = what === "certificate" ? "x509" : "pkey";
  return `it is DER, not PEM: convert it with openssl ${command} -inform DER -in ${path} -out NEW.pem`;
}

/** The PEM blocks of a file's certificates, the server's own first. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}

function certificateFault(text: string): string | undefined {
  const [first] = certificatesIn(text);
  if (first === undefined) {
    const other = PRIVATE_KEY.test(text) || ENCRYPTED.test(text);
    return other ? "it holds a private key and no certificate" : "it holds no PEM certificate";
  }
  try {
    new X509Certificate(first);
    if (isVersion1(derOf(first))) {
      return "it is an X.509 certificate of version 1: make one of version 3";
    }
  } catch {
    return "it is damaged";
  }
}

function keyFault(text: string, path: string, isRefused: boolean): string | undefined {
  if (ENCRYPTED.test(text)) {
    return `it has a passphrase: remove it with openssl pkey -in ${path} -out NEW.pem`;
  }
  const [block] = PRIVATE_KEY.exec(text) ?? [];
  if (block === undefined) {
    const hasCertificate = certificatesIn(text).length > 0;
    return hasCertificate
      ? "it holds a certificate and no private key"
      : "it holds no PEM private key";
  }
  try {
    return kindFault(createPrivateKey(block));
  } catch (error) {
    const isUnknown = error instanceof Error && /unsupported/.test(error.message);
    if (isUnknown && !isRefused) return undefined;
    return isUnknown ? `its kind or curve is not supported: ${SUPPORTED}` : "it is damaged";
  }
}

function kindFault(key: KeyObject): string | undefined {
  const { asymmetricKeyType: kind = "unknown", asymmetricKeyDetails: details } = key;
  if (!KINDS.includes(kind)) return `its kind ${kind} is not supported: ${SUPPORTED}`;
  const { modulusLength: bits = MIN_RSA_BITS, namedCurve: curve } = details ?? {};
  if (kind === "rsa" && bits < MIN_RSA_BITS) {
    return `it is RSA with ${bits} bits: at least ${MIN_RSA_BITS} are needed`;
  }
  const isKnown = curve === undefined || CURVES.includes(curve);
  return isKnown ? undefined : `its curve ${curve} is not supported: ${SUPPORTED}`;
}

/** Explains that the key is not the first certificate's. */
function pairFault(files: TlsFiles, { cert, key }: TlsMaterial): string | undefined {
  const [block = ""] = PRIVATE_KEY.exec(key) ?? [];
  const wanted = publicKeyOf(() => createPublicKey(createPrivateKey(block)));
  const there = certificatesIn(cert).map((one) =>
    publicKeyOf(() => new X509Certificate(one).publicKey)
  );
  const place = there.indexOf(wanted);
  if (wanted === undefined || there[0] === undefined || place === 0) return undefined;
  return place > 0
    ? `Cannot use certificate "${files.cert}": its chain is in the wrong order: ` +
      "the private key's certificate must be first"
    : `Cannot use private key "${files.key}": ` +
      `it belongs to another certificate than the one in "${files.cert}"`;
}

/** A public key as text; undefined if the runtime cannot read one of its kind. */
function publicKeyOf(read: () => KeyObject): string | undefined {
  try {
    return read().export({ type: "spki", format: "pem" }).toString();
  } catch {
    return undefined;
  }
}

/** A PEM block's content; Deno 2.6 does not give that of a certificate. */
function derOf(block: string): Uint8Array {
  return Buffer.from(block.replace(/-----[^-]+-----/g, ""), "base64");
}

/** True if a DER certificate does not begin with a version, which is what makes it version 1. */
function isVersion1(der: Uint8Array): boolean {
  const inner = contentOf(contentOf(der));
  return inner[0] !== 0xa0;
}

/** Returns the content of the first element of a DER text. */
function contentOf(der: Uint8Array): Uint8Array {
  const length = der[1] ?? 0;
  return der.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}
