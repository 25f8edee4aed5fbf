import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** Writes secret texts for the engine, and reads them again. */
export interface Seal {
  /** @param name binds the text to its place, so that it cannot stand for another */
  close(name: string, text: string): string;
  /** Undefined for a text that was not closed with the same secret for the same name. */
  open(name: string, text: string): string | undefined;
  /** How many bytes of text a closed one of this length holds at least. */
  capacityOf(length: number): number;
}

const ALGORITHM = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** AES-GCM under a key from the secret; without a secret, texts stay as they are. */
export function sealOf(secret: string | undefined): Seal {
  if (secret === undefined) {
    const same = (_name: string, text: string): string => text;
    return { close: same, open: same, capacityOf: (length) => length };
  }
  const key = createHash("sha256").update(`signalbox cluster records ${secret}`).digest();
  return {
    close(name, text): string {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(Buffer.from(name));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64");
    },
    open(name, text): string | undefined {
      const bytes = Buffer.from(text, "base64");
      if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
      const [iv, rest] = [bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES)];
      try {
        const decipher = createDecipheriv(ALGORITHM, key, iv).setAAD(Buffer.from(name))
          .setAuthTag(rest.subarray(0, TAG_BYTES));
        return decipher.update(rest.subarray(TAG_BYTES), undefined, "utf8") +
          decipher.final("utf8");
      } catch {
        return undefined;
      }
    },
    // Base64 takes four characters for three bytes.
    capacityOf: (length) => Math.floor(length / 4) * 3 - IV_BYTES - TAG_BYTES,
  };
}
