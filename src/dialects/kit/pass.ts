import type { Attempt, Authenticator, Identity, Verdict } from "../../auth/authenticator.ts";
import { refused } from "../../auth/authenticator.ts";
import { type Shown, shownBy } from "../../auth/credential.ts";
import { covers, type MediaRole } from "../../auth/grants.ts";
import { SignalError } from "../../core/errors.ts";
import type { Granted, Link, Session, TimedPermits } from "../../core/session.ts";
import type { Visit } from "../../core/visit.ts";
import type { Checked } from "../../http/route.ts";

/** How the proofs of users begin, and no proof that a client made. */
const USER_PROOF = "\0user\0";

/** The proof that a client made for itself; undefined for a text that would pass for a user's proof. */
export function ownProof(text: string): string | undefined {
  return text.startsWith(USER_PROOF) ? undefined : text;
}

/** Stands for a connection's number before there is one. */
const NO_CONNECTION = "none";

/** A client's own words at the moment when its dialect asks for a token. */
export interface Presented {
  /** The token in the dialect's own message; an empty one is ignored. */
  readonly token?: string | undefined;
  /** Chosen by the client. */
  readonly id?: string;
  /** See Attempt. */
  readonly isIssuedId?: () => boolean;
  /** May be a token; see Attempt. */
  readonly word?: string;
  readonly room?: string;
}

/** One connection's dealings with the authenticator: its token, and what that permits. */
export class Pass implements TimedPermits {
  readonly #authenticator: Authenticator;
  readonly #dialect: string;
  readonly #link: Link;
  readonly #shown: Shown;
  #identity: Identity | undefined;

  /** @param identity of a client whose token was accepted before its upgrade */
  constructor(
    authenticator: Authenticator,
    dialect: string,
    visit: Visit,
    link: Link,
    identity?: Identity,
  ) {
    this.#identity = identity;
    this.#authenticator = authenticator;
    this.#dialect = dialect;
    this.#link = link;
    this.#shown = shownBy(visit);
  }

  /** Undefined before a token was accepted. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Named by the token. */
  get user(): string | undefined {
    return this.#identity?.user;
  }

  /** See Identity. */
  get info(): Identity["info"] {
    return this.#identity?.info;
  }

  /** See Identity. */
  get expiresAt(): number | undefined {
    return this.#identity?.expiresAt;
  }

  /** The token that the client showed by connecting. */
  get shownToken(): string | undefined {
    return this.#shown.token;
  }

  /**
   * Has a token checked and keeps what it permits. Throws the refusal, or rejects with it.
   * @param details what the dialect's answer to a refusal has to hold
   */
  present(
    presented: Presented,
    details: SignalError["details"] = {},
  ): void | Promise<void> {
    const verdict = this.#authenticator.check(this.#attempt(presented));
    if (!(verdict instanceof Promise)) return this.#take(verdict, details);
    return verdict.then((verdict) => this.#take(verdict, details));
  }

  /** Replaces the token by a fresh one of the same user. A refused one changes nothing. */
  async renew(token: string): Promise<void> {
    const verdict = await this.#authenticator.check(this.#attempt({ token }));
    if ("identity" in verdict) return this.adopt(verdict.identity);
    this.#take(verdict, {});
  }

  /** The same with a token that was accepted elsewhere. */
  adopt(identity: Identity): void | Promise<void> {
    this.#take(identity.user === this.user ? { identity } : refused("id"), {});
  }

  /** The id for a client that cannot choose one: the first that its token names exactly. */
  get ownId(): string | undefined {
    const { grants, user } = this.#identity ?? {};
    return grants?.ids.find(({ isPrefix }) => !isPrefix)?.text ?? user;
  }

  /** Shows that two connections are one user's; undefined for a token that names nobody. */
  get proof(): string | undefined {
    const user = this.#identity?.user;
    return user === undefined ? undefined : `${USER_PROOF}${user}`;
  }

  get granted(): readonly Granted[] {
    const { rooms = [], roles = [] } = this.#identity?.grants ?? {};
    return [{ rooms, roles }];
  }

  /** True if the token is good for the room. */
  grantsRoom(room: string): boolean {
    return this.#identity !== undefined && covers(this.#identity.grants.rooms, room);
  }

  /** True if the token grants the role. */
  grantsRole(role: MediaRole): boolean {
    return this.#identity?.grants.roles.includes(role) === true;
  }

  /** Throws the refusal of a role that the token does not grant. */
  assume(role: MediaRole): void {
    if (this.grantsRole(role)) return;
    throw refused("role").refusal;
  }

  #take(verdict: Verdict, details: SignalError["details"]): void {
    if ("identity" in verdict) {
      this.#identity = verdict.identity;
      return;
    }
    const { code, message, why, remark } = verdict.refusal;
    throw new SignalError(code, message, details, why, remark);
  }

  #attempt({ token, room, id, ...more }: Presented): Attempt {
    return {
      ...more,
      dialect: this.#dialect,
      token: token || this.#shown.token,
      id,
      room,
      address: this.#link.address,
      origin: this.#shown.origin,
      userAgent: this.#shown.userAgent,
      connection: this.#link.id,
    };
  }
}

/** A pass for a connection; undefined if the dialect's clients need no token. */
export function passFor(
  { authenticator, dialect }: { readonly authenticator: Authenticator; readonly dialect: string },
  visit: Visit,
  link: Link,
): Pass | undefined {
  return authenticator.asks(dialect) ? new Pass(authenticator, dialect, visit, link) : undefined;
}

/**
 * Judges a token that was posted for a connection of another node. Rejects with the refusal.
 * @returns undefined if the dialect's clients need no token
 */
export async function judgePosted(
  { authenticator, dialect }: { readonly authenticator: Authenticator; readonly dialect: string },
  token: string,
  { address, origin, userAgent }: Pick<Visit, "address" | "origin" | "userAgent">,
): Promise<Identity | undefined> {
  if (!authenticator.asks(dialect)) return undefined;
  const nothing = { id: undefined, room: undefined, connection: NO_CONNECTION };
  const verdict = await authenticator.check({
    dialect,
    token: token || undefined,
    address,
    origin,
    userAgent,
    ...nothing,
  });
  if ("identity" in verdict) return verdict.identity;
  throw verdict.refusal;
}

/** Checks the token that a client shows before its upgrade, and makes its session of the outcome. */
export function checkBefore(
  { authenticator, dialect }: { readonly authenticator: Authenticator; readonly dialect: string },
  connect: (link: Link, pass: Pass | undefined) => Session,
): (visit: Visit) => Checked | Promise<Checked> {
  return (visit) => {
    if (!authenticator.asks(dialect)) return { connect: (_, link) => connect(link, undefined) };
    const settle = (verdict: Verdict): Checked => {
      if ("refusal" in verdict) return verdict;
      const { identity } = verdict;
      const passOf = (link: Link): Pass => new Pass(authenticator, dialect, visit, link, identity);
      return { connect: (_, link) => connect(link, passOf(link)) };
    };
    const { address } = visit;
    const nothing = { id: undefined, room: undefined, connection: NO_CONNECTION };
    const verdict = authenticator.check({ dialect, address, ...shownBy(visit), ...nothing });
    return verdict instanceof Promise ? verdict.then(settle) : settle(verdict);
  };
}
