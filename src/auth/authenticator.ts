import { type ErrorCode, SignalError } from "../core/errors.ts";
import type { Grants } from "./grants.ts";

/** A client's request to be let in: at the opening, at a login or at a join, as its dialect has it. */
export interface Attempt {
  readonly dialect: string;
  /** Undefined if the client shows none. */
  readonly token: string | undefined;
  /** The id that the client chose; undefined where the server makes it. */
  readonly id: string | undefined;
  /**
   * True if the server made this very id for a client that asks for one: no grant is needed. Asked only
   * where the grants do not cover the id, because the answer takes a MAC.
   */
  readonly isIssuedId?: () => boolean;
  /** A word that may be a token, for clients that show none and can only name themselves. */
  readonly word?: string;
  readonly room: string | undefined;
  readonly address: string;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
  /** The connection's number in the log. */
  readonly connection: string;
}

/** Stands for a connection's number in an attempt of a plain request. */
export const NO_CONNECTION = "none";

/** An authenticated client. */
export interface Identity {
  /** Named by its token; undefined for a token that names nobody. */
  readonly user: string | undefined;
  readonly grants: Grants;
  /** The moment on the server's clock at which the connection ends; undefined for none. */
  readonly expiresAt: number | undefined;
  /** The server's word on the client, which others see where the dialect shows descriptions. */
  readonly info?: Readonly<Record<string, unknown>> | undefined;
  /** The client's word was the token. */
  readonly tookWord?: true;
  /** Nobody judged the client: the webhook did not answer, and the configuration admits such clients. */
  readonly isUnjudged?: true;
}

/** The check that failed, for logs and metrics; clients learn no more than a message of `REFUSALS`. */
export type Why =
  | "missing"
  | "malformed"
  | "signature"
  | "algorithm"
  | "key"
  | "expired"
  | "not_yet"
  | "audience"
  | "issuer"
  | "claims"
  | "denied"
  | "dialect"
  | "id"
  | "room"
  | "role"
  | "unavailable";

/** The answer to an attempt. */
export type Verdict =
  | { readonly identity: Identity }
  | { readonly refusal: SignalError; readonly why: Why };

/** Decides who may come in. Everything that knows a token is behind it. */
export interface Authenticator {
  /** True if clients of the dialect need a token. */
  asks(dialect: string): boolean;
  /** Never rejects. */
  check(attempt: Attempt): Verdict | Promise<Verdict>;
}

/** Judges the tokens of one mode. */
export interface Judge extends Partial<Disposable> {
  /** The judge is asked about every client, even one that shows no token. */
  readonly asksAlways?: true;
  /** Why tokens cannot be judged now, in a few words; undefined if they can. */
  readonly trouble?: string | undefined;
  /** Never rejects. */
  judge(token: string | undefined, attempt: Attempt): Verdict | Promise<Verdict>;
}

const INVALID: [ErrorCode, string] = ["credentials_wrong", "Token is not valid"];

const REFUSALS: Readonly<Record<Why, readonly [code: ErrorCode, message: string]>> = {
  missing: ["credentials_missing", "Token is missing"],
  malformed: INVALID,
  signature: INVALID,
  algorithm: INVALID,
  key: INVALID,
  not_yet: INVALID,
  audience: INVALID,
  issuer: INVALID,
  claims: INVALID,
  denied: INVALID,
  expired: ["credentials_expired", "Token has expired"],
  unavailable: ["auth_unavailable", "Cannot check the token now"],
  dialect: ["dialect_forbidden", "Not allowed here"],
  id: ["id_forbidden", "Id is not allowed"],
  room: ["room_forbidden", "Room is not allowed"],
  role: ["role_forbidden", "Role is not allowed"],
};

/**
 * The verdict for a failed check, in the words that clients get.
 * @param remark for the log alone
 */
export function refused(why: Why, remark?: string): Extract<Verdict, { why: Why }> {
  const [code, message] = REFUSALS[why];
  return { refusal: new SignalError(code, message, {}, `auth_${why}`, remark), why };
}
