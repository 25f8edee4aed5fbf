import type { Authenticator } from "../../auth/authenticator.ts";
import type { MediaRole } from "../../auth/grants.ts";
import type { PeerId, RoomId } from "../../core/events.ts";
import type { Permits } from "../../core/session.ts";
import type { Place } from "./seat.ts";

/** The dialect of a client that is called from another one. */
export interface Called extends Place {
  readonly authenticator: Authenticator;
}

/**
 * Whether a peer may call the members of a room. Outside of it, as in the lobby, that depends on two
 * conditions: no tokens of a dialect guard the room, and the peer's own token, if members need one,
 * is good for it.
 */
export function mayCallInto(called: Called, room: RoomId, caller: PeerId): boolean {
  const peer = called.hub.member(called.realm, room, caller);
  if (peer?.isInRoom === true) return true;
  const isOpen = called.hub.rulesOf(called.realm).isUnguarded(room);
  return isOpen && permits(called, caller, (token) => token.grantsRoom(room));
}

/** Whether a peer's token grants its role in a call; true where nobody needs a token. */
export function mayCallAs(called: Called, role: MediaRole, caller: PeerId): boolean {
  return permits(called, caller, (token) => token.grantsRole(role));
}

/** The first token's user, and what all tokens have in common; undefined without a token. */
export function inCommon(tokens: readonly Permits[]): Permits | undefined {
  const [first] = tokens;
  if (first === undefined) return undefined;
  return {
    user: first.user,
    grantsRoom: (room) => tokens.every((token) => token.grantsRoom(room)),
    grantsRole: (role) => tokens.every((token) => token.grantsRole(role)),
    granted: tokens.flatMap(({ granted }) => granted),
  };
}

function permits(
  { hub, realm, dialect, authenticator }: Called,
  caller: PeerId,
  grants: (token: Permits) => boolean,
): boolean {
  const token = hub.find(realm, caller)?.receiver.permits;
  return token === undefined ? !authenticator.asks(dialect) : grants(token);
}
