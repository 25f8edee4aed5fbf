import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import { type CryptoKey, importJWK, type JWK } from "jose";
import { jsonIn } from "../system/json.ts";

/** A key as the library takes it. */
export type VerifyKey = CryptoKey;

/** Where verification keys come from. */
export interface KeySource extends Partial<Disposable> {
  /** Why no token can be verified now, in a few words; undefined if it can. */
  readonly trouble?: string | undefined;
  /** The keys that may have signed a token; never rejects. */
  find(
    alg: string,
    kid: string | undefined,
  ): readonly VerifyKey[] | "unavailable" | Promise<readonly VerifyKey[] | "unavailable">;
}

const CURVES: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
};
const MIN_SECRET_BYTES = 32;
/** The library verifies with no shorter key of RSA. */
const MIN_RSA_BITS = 2_048;
const BASE64 = "base64:";

/** Reads a secret: text, or `base64:…`. Throws TypeError if it is too short. */
export function readSecret(text: string): Uint8Array<ArrayBuffer> {
  const bytes = text.startsWith(BASE64)
    ? Buffer.from(text.slice(BASE64.length), "base64")
    : Buffer.from(text);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(`A secret needs at least ${MIN_SECRET_BYTES} bytes`);
  }
  return new Uint8Array(bytes);
}

/**
 * Secrets that are all tried, so that they can be rotated. The library would import one for each token,
 * which takes as long as the check itself.
 */
export function secretKeys(secrets: readonly Uint8Array<ArrayBuffer>[]): KeySource {
  const imported = new Map<string, Promise<readonly VerifyKey[]>>();
  return {
    find(alg): Promise<readonly VerifyKey[]> {
      const known = imported.get(alg);
      if (known !== undefined) return known;
      const fresh = Promise.all(secrets.map((secret) => importSecret(secret, alg)));
      imported.set(alg, fresh);
      return fresh;
    },
  };
}

/** @param alg HS256, HS384 or HS512 */
function importSecret(secret: Uint8Array<ArrayBuffer>, alg: string): Promise<CryptoKey> {
  const hash = alg.replace("HS", "SHA-");
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["verify"]);
}

/** Reads a public key from the text of a PEM or JWK file. Throws TypeError if it holds no such key. */
export function readKey(text: string): JWK {
  const jwk = readAnyKey(text);
  if (isLongEnough(jwk)) return jwk;
  throw new TypeError(`expected an RSA key of at least ${MIN_RSA_BITS} bits`);
}

function readAnyKey(text: string): JWK {
  if (text.includes("-----BEGIN")) {
    if (!/-----BEGIN (PUBLIC KEY|CERTIFICATE)-----/.test(text)) {
      throw new TypeError("expected a public key (BEGIN PUBLIC KEY)");
    }
    // The export is a JWK.
    return createPublicKey(text).export({ format: "jwk" }) as JWK;
  }
  const jwk: unknown = jsonIn(text);
  if (!isPublicKey(jwk)) throw new TypeError("expected a PEM or JWK public key");
  return jwk;
}

/** True if a value is a public key in JWK form. A symmetric key in a public set proves nothing. */
export function isPublicKey(value: unknown): value is JWK {
  if (typeof value !== "object" || value === null || !("kty" in value)) return false;
  return ["RSA", "EC", "OKP"].includes(String(value.kty)) && !("d" in value);
}

function isLongEnough({ kty, n }: JWK): boolean {
  if (kty !== "RSA") return true;
  const modulus = Buffer.from(n ?? "", "base64url").toString("hex");
  return BigInt(`0x0${modulus}`).toString(2).length >= MIN_RSA_BITS;
}

/** A set of public keys, imported when they are first needed. */
export class PublicKeys {
  readonly #jwks: readonly JWK[];
  readonly #imported = new Map<string, Promise<VerifyKey | undefined>>();
  /** Those that were found for an algorithm and an id of a key that is here. */
  readonly #found = new Map<string, Promise<readonly VerifyKey[]>>();

  /** @param jwks those that cannot be used are left out */
  constructor(jwks: readonly JWK[]) {
    this.#jwks = jwks.filter(isLongEnough);
  }

  /** The keys that fit an algorithm and, where both name one, a key id. */
  find(alg: string, kid: string | undefined): Promise<readonly VerifyKey[]> {
    // Only these are remembered: clients can make up as many others as they like.
    if (kid !== undefined && !this.knows(kid)) return this.#search(alg, kid);
    const name = kid === undefined ? alg : `${alg} ${kid}`;
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const fresh = this.#search(alg, kid);
    this.#found.set(name, fresh);
    return fresh;
  }

  async #search(alg: string, kid: string | undefined): Promise<readonly VerifyKey[]> {
    const found = await Promise.all(
      this.#jwks.flatMap((jwk, at) =>
        fits(jwk, alg) && (kid === undefined || jwk.kid === undefined || jwk.kid === kid)
          ? [this.#import(jwk, at, alg)]
          : []
      ),
    );
    return found.filter((key) => key !== undefined);
  }

  /** True if a key carries the id. */
  knows(kid: string): boolean {
    return this.#jwks.some((jwk) => jwk.kid === kid);
  }

  #import(jwk: JWK, at: number, alg: string): Promise<VerifyKey | undefined> {
    const name = `${alg} ${at}`;
    const known = this.#imported.get(name);
    if (known !== undefined) return known;
    // A key that cannot be used, such as one of a curve that the runtime lacks, is not there.
    const fresh = importJWK(jwk, alg).then(
      (key) => key instanceof Uint8Array ? undefined : key,
      () => undefined,
    );
    this.#imported.set(name, fresh);
    return fresh;
  }
}

function fits({ kty, crv, alg: only, use }: JWK, alg: string): boolean {
  if (only !== undefined && only !== alg && !(only === "Ed25519" && alg === "EdDSA")) return false;
  if (use !== undefined && use !== "sig") return false;
  if (alg.startsWith("RS") || alg.startsWith("PS")) return kty === "RSA";
  return (kty === "EC" || kty === "OKP") && crv === CURVES[alg];
}
