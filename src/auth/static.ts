import { timingSafeEqual } from "node:crypto";
import { digestOf } from "../system/crypto.ts";
import { type Identity, type Judge, refused, type Verdict } from "./authenticator.ts";
import { ALL_GRANTS, exactly, type Grants } from "./grants.ts";

interface TokenEntry {
  readonly digest: Uint8Array;
  readonly user: string | undefined;
  /** Undefined if the token is good for every room. */
  readonly room: string | undefined;
}

/** Tokens of the configuration, each `TOKEN`, `ID:TOKEN`, `TOKEN@ROOM` or `ID:TOKEN@ROOM`. */
export class StaticTokens implements Judge {
  readonly #entries: readonly TokenEntry[];

  constructor(configured: readonly string[]) {
    this.#entries = configured.map(readEntry);
  }

  get areNeeded(): boolean {
    return this.#entries.length > 0;
  }

  /**
   * Takes as long for every token, so that nobody learns how much of one was right. A token that is
   * configured with several rooms is good for each of them.
   */
  judge(token: string | undefined): Verdict {
    if (token === undefined) return refused("missing");
    const digest = digestOf(token);
    const found = this.#entries.filter((entry) => timingSafeEqual(entry.digest, digest));
    const [first] = found;
    if (first === undefined) return refused("denied");
    return { identity: identityOf(first.user, found) };
  }
}

function identityOf(user: string | undefined, entries: readonly TokenEntry[]): Identity {
  const rooms = entries.flatMap(({ room }) => room === undefined ? [] : [exactly(room)]);
  const grants: Grants = {
    ...ALL_GRANTS,
    ...(user === undefined ? {} : { ids: [exactly(user)] }),
    ...(rooms.length < entries.length ? {} : { rooms }),
  };
  return { user, grants, expiresAt: undefined };
}

function readEntry(text: string): TokenEntry {
  // A room may hold any character; a token and an id hold neither of the two.
  const at = text.indexOf("@");
  const [head, room] = at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  const colon = head.indexOf(":");
  const [user, token] = colon === -1
    ? [undefined, head]
    : [head.slice(0, colon), head.slice(colon + 1)];
  return { digest: digestOf(token), user, room };
}
