import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type {
  Holder,
  KeepOutcome,
  ReservationClaim,
  Reservations,
  ReservationTerms,
  Reserved,
} from "../../core/kept.ts";
import { isEqual } from "../../system/crypto.ts";
import type { ReservationBook } from "./reservation_book.ts";

/** A digest in base64url, or as `sha256sum` writes it. */
const DIGEST = /^[\w-]{43}$/;
const HEX_DIGEST = /^[\da-f]{64}$/i;

/** One dialect's reserved ids. */
export class DialectReservations implements Reservations {
  readonly #book: ReservationBook;
  readonly #dialect: string;

  constructor(book: ReservationBook, dialect: string) {
    this.#book = book;
    this.#dialect = dialect;
  }

  async claim(
    id: string,
    token: string,
    lifetimeMs: number | undefined,
    address?: string,
  ): Promise<"granted" | "taken" | "unreserved"> {
    const [book, dialect] = [this.#book, this.#dialect];
    await book.lookUp(dialect, id);
    const isNobodys = (): boolean => book.find(dialect, id)?.value.isOperators !== true;
    if (lifetimeMs === undefined && isNobodys()) return "unreserved";
    const digest = await hashInBackground(token);
    // No await from here on, so that one of two claims of a free id comes first.
    const holder = book.find(dialect, id)?.value;
    if (lifetimeMs === undefined && isNobodys()) return "unreserved";
    if (holder !== undefined && !isEqual(holder.digest, digest)) return "taken";
    if (holder?.isOperators === true) book.set(dialect, id, holder);
    else if (lifetimeMs !== undefined) {
      const reservation = { digest, lifetimeMs };
      if (holder !== undefined) book.set(dialect, id, { ...reservation, isProven: true });
      else if (!book.add(dialect, id, reservation, address)) return "unreserved";
    }
    return "granted";
  }

  termsFor({ id, token, lifetimeMs, address }: ReservationClaim): ReservationTerms {
    const dialect = this.#dialect;
    const lifetime = lifetimeMs === undefined || this.#book.isKey(dialect, id)
      ? lifetimeMs
      : undefined;
    const digest = token === undefined ? undefined : hash(token);
    const limits = this.#book.limitsOf(address);
    return { dialect, id, digest, lifetimeMs: lifetime, ...limits };
  }

  async isReserved(id: string, lifetimeMs: number | undefined): Promise<boolean> {
    await this.#book.lookUp(this.#dialect, id);
    const holder = this.#book.find(this.#dialect, id)?.value;
    return holder !== undefined && (lifetimeMs !== undefined || holder.isOperators === true);
  }

  touch(id: string): void {
    this.#book.renew(this.#dialect, id);
  }

  async reserve(id: string, holder: Holder, lifetimeMs?: number): Promise<KeepOutcome> {
    const digest = "token" in holder
      ? await hashInBackground(holder.token)
      : readDigest(holder.digest);
    if (digest === undefined) return "invalid";
    const lifetime = lifetimeMs === undefined ? {} : { lifetimeMs };
    return this.#book.set(this.#dialect, id, { digest, ...lifetime, isOperators: true });
  }

  async forget(id: string): Promise<boolean> {
    await this.#book.lookUp(this.#dialect, id);
    return this.#book.delete(this.#dialect, id);
  }

  *list(): Generator<Reserved> {
    for (const { key: [, , id = ""], value, expiresAtMs } of this.#book.list(this.#dialect)) {
      if (value.isOperators === true) yield { id, expiresAtMs };
    }
  }
}

/** A token's digest, computed off the thread: clients that return at once must not block others. */
async function hashInBackground(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return Buffer.from(digest).toString("base64url");
}

/** The same at once, for a claim that has to keep its place. */
function hash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

function readDigest(text: string): string | undefined {
  if (HEX_DIGEST.test(text)) return Buffer.from(text, "hex").toString("base64url");
  return DIGEST.test(text) ? text : undefined;
}
