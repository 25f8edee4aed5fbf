import type { PeerId } from "../core/events.ts";
import type { Expulsion } from "../core/expulsion.ts";
import type { Happenings } from "../core/happenings.ts";
import type { Hub } from "../core/hub.ts";
import type { Ban, KeepOutcome, OperatorLogEntry, WallClock } from "../core/kept.ts";
import type { PresentPeer } from "../core/peer.ts";
import type {
  DescribeOutcome,
  IdOperations,
  OpenDialect,
  RoomOperations,
} from "../dialects/dialect.ts";
import { readAddressKey, shownKey } from "../http/address.ts";
import type { AddressBans, UserBans } from "../http/bans.ts";
import type { RecentRefusals, RefusalReport } from "../observe/recent_refusals.ts";
import type { Store } from "../store/mod.ts";
import { isoTime } from "../system/clock.ts";

/** Bans of one kind: of addresses, of which a /64 counts as one in IPv6, or of users. */
export interface BanOperations {
  /**
   * Lets a client in no more, and hangs up on all that are connected. "invalid": the value is no
   * address, and no network that counts as one; or it cannot be a key.
   */
  ban(value: string, ban: { reason: string; lifetimeMs?: number }): KeepOutcome;
  /** False where it was not banned. */
  lift(value: string, reason?: string): boolean;
  list(): Ban[];
}

/** The same as the dialect's own, with the operator's reason for an end. */
export interface OperatedRooms extends RoomOperations {
  stop(room: string, reason?: string): boolean;
}

export interface OperatorParts {
  readonly dialects: readonly {
    readonly name: string;
    readonly realm: string;
    readonly dialect: OpenDialect;
  }[];
  readonly hub: Pick<Hub, "overview">;
  readonly store: Pick<Store, "operatorLog" | "rotateSecret" | "flush">;
  readonly bans: AddressBans;
  readonly userBans: UserBans;
  readonly happenings: Happenings;
  readonly wallNow: WallClock;
  readonly refusals: RecentRefusals;
  /** Hangs up on all of an address, as the addresses count. */
  readonly turnOut: (addressKey: string) => void;
  /** Hangs up on every connection whose token names the user. */
  readonly turnOutUser: (user: string) => void;
}

/** A kick, and a ban that may follow it. */
export interface Kick {
  readonly reason?: string | undefined;
  /** Bans the peer's user, or its address if it has none. */
  readonly banSeconds?: number | undefined;
}

/** "unused": no secret of the store is behind what the dialect gives out. */
export type Rotated = "rotated" | "failed" | "unused" | "unknown";

/** Writes an action into the log. @param reason the operator's own words; empty for none */
type Note = (action: string, subject: readonly string[], outcome: string, reason?: string) => void;

/** Everything that an operator may do. The operators' log records every change. */
export class Operator {
  /** Operations by dialect; a dialect without any is absent. */
  readonly rooms: ReadonlyMap<string, OperatedRooms>;
  readonly ids: ReadonlyMap<string, IdOperations>;
  readonly bans: BanOperations;
  readonly userBans: BanOperations;
  readonly #parts: OperatorParts;
  readonly #note: Note;

  /** @param actor who it is, for the log */
  constructor(parts: OperatorParts, actor: string = "operator") {
    const { dialects, store: { operatorLog } } = parts;
    const note: Note = (action, subject, outcome, reason = "") => {
      const entry = { actor, action, subject, outcome, ...(reason === "" ? {} : { reason }) };
      operatorLog.write(entry);
      const at = isoTime(parts.wallNow());
      parts.happenings.emit({ type: "operator", data: { at, ...entry } });
    };
    this.#parts = parts;
    this.#note = note;
    this.rooms = new Map(
      dialects.flatMap(({ name, dialect: { operations } }) =>
        operations === undefined ? [] : [[name, notedRooms(name, operations, note)]]
      ),
    );
    this.ids = new Map(
      dialects.flatMap(({ name, dialect: { ids } }) =>
        ids === undefined ? [] : [[name, notedIds(name, ids, note)]]
      ),
    );
    this.bans = notedBans(parts, note);
    this.userBans = notedUserBans(parts, note);
  }

  /**
   * Removes a peer, with all its connections.
   * @returns "unknown" if there is none; otherwise the outcome of the ban, "kept" without one
   */
  kick(
    dialect: string,
    id: PeerId,
    { reason = "", banSeconds }: Kick = {},
  ): KeepOutcome | "unknown" {
    const peer = this.#find(dialect, id);
    this.#note("kick peer", [dialect, id], peer === undefined ? "unknown" : "kicked", reason);
    if (peer === undefined) return "unknown";
    const { receiver, user } = peer;
    const address = receiver.links[0]?.address;
    receiver.expel("kicked");
    if (banSeconds === undefined) return "kept";
    const ban = { reason, lifetimeMs: 1_000 * banSeconds };
    if (user !== undefined) return this.userBans.ban(user, ban);
    return address === undefined ? "kept" : this.bans.ban(address, ban);
  }

  /** Turns out everybody whom a ban of another node covers. */
  enforceBan(kind: string, value: string): void {
    if (kind === "address") this.#parts.turnOut(value);
    else expelUser(this.#parts, value);
  }

  /** Notes an action that has no operation here, or that was refused. */
  note(action: string, subject: readonly string[], outcome: string): void {
    this.#note(action, subject, outcome);
  }

  /** The same in somebody else's name. */
  as(actor: string): Operator {
    return new Operator(this.#parts, actor);
  }

  /**
   * Gives a dialect a new secret behind its clients' proofs and ids. Those of the one before stay
   * good until the next rotation.
   */
  async rotateSecret(dialect: string): Promise<Rotated> {
    const outcome = await this.#rotate(dialect);
    this.#note("rotate secret", [dialect], outcome);
    return outcome;
  }

  /** Actions of operators within the last 30 days, the newest first. */
  log(count?: number): OperatorLogEntry[] {
    return this.#parts.store.operatorLog.list(count);
  }

  /** The last refusals of clients, the newest first. */
  refusals(): RefusalReport[] {
    return this.#parts.refusals.list();
  }

  /** Resolves with true once what was done so far is written; with false when that takes too long. */
  flush(): Promise<boolean> {
    return this.#parts.store.flush();
  }

  #find(name: string, id: PeerId): PresentPeer | undefined {
    const realm = this.#parts.dialects.find((one) => one.name === name)?.realm;
    const peer = realm === undefined ? undefined : this.#parts.hub.overview.peer(realm, id);
    return peer?.dialect === name ? peer : undefined;
  }

  async #rotate(name: string): Promise<Rotated> {
    const { dialects, store } = this.#parts;
    const named = dialects.find((one) => one.name === name);
    if (named === undefined) return "unknown";
    return named.dialect.usesStoredSecret === true ? await store.rotateSecret(name) : "unused";
  }
}

function notedRooms(dialect: string, rooms: RoomOperations, note: Note): OperatedRooms {
  const { keep, forget } = rooms;
  return {
    list: () => rooms.list(),
    isKept: (room) => rooms.isKept?.(room) === true,
    describe(room, member, description): DescribeOutcome {
      const json = jsonCopy(description);
      const outcome = json === undefined ? "invalid" : rooms.describe(room, member, json);
      note("describe member", [dialect, room, member], outcome);
      return outcome;
    },
    stop(room, reason): boolean {
      const isDone = rooms.stop(room);
      note("stop room", [dialect, room], isDone ? "stopped" : "unknown", reason);
      return isDone;
    },
    ...(keep && {
      keep(room: string, settings?: unknown): KeepOutcome {
        const outcome = keep(room, settings);
        note("keep room", [dialect, room], outcome);
        return outcome;
      },
    }),
    ...(forget && {
      forget(room: string): boolean {
        const isDone = forget(room);
        note("forget room", [dialect, room], isDone ? "forgotten" : "unknown");
        return isDone;
      },
    }),
  };
}

function notedIds(dialect: string, ids: IdOperations, note: Note): IdOperations {
  return {
    async reserve(id, holder, lifetimeMs): Promise<KeepOutcome> {
      const outcome = await ids.reserve(id, holder, lifetimeMs);
      note("reserve id", [dialect, id], outcome);
      return outcome;
    },
    async forget(id): Promise<boolean> {
      const isDone = await ids.forget(id);
      note("forget id", [dialect, id], isDone ? "forgotten" : "unknown");
      return isDone;
    },
    list: () => ids.list(),
  };
}

function notedBans({ bans, turnOut }: OperatorParts, note: Note): BanOperations {
  return {
    ban(address, ban): KeepOutcome {
      const key = readAddressKey(address);
      const outcome = bans.ban(address, ban);
      note("ban address", [shownKey(key ?? address)], outcome, ban.reason);
      if (outcome === "kept" && key !== undefined) turnOut(key);
      return outcome;
    },
    lift(address, reason): boolean {
      const isDone = bans.lift(address);
      const subject = [shownKey(readAddressKey(address) ?? address)];
      note("lift ban", subject, isDone ? "lifted" : "unknown", reason);
      return isDone;
    },
    list: () => bans.list(),
  };
}

/** Some peers have no connection now, and some connections no peer: those that still wait for an id. */
function expelUser(
  { hub, turnOutUser }: Pick<OperatorParts, "hub" | "turnOutUser">,
  user: string,
): void {
  const reason: Expulsion = "user_banned";
  for (const peer of [...hub.overview.peers()]) {
    if (peer.user === user) peer.receiver.expel(reason);
  }
  turnOutUser(user);
}

function notedUserBans(parts: OperatorParts, note: Note): BanOperations {
  const { userBans } = parts;
  return {
    ban(user, ban): KeepOutcome {
      const outcome = userBans.ban(user, ban);
      note("ban user", [user], outcome, ban.reason);
      if (outcome === "kept") expelUser(parts, user);
      return outcome;
    },
    lift(user, reason): boolean {
      const isDone = userBans.lift(user);
      note("lift ban", [user], isDone ? "lifted" : "unknown", reason);
      return isDone;
    },
    list: () => userBans.list(),
  };
}

/** A value as its JSON has it, which nobody else can change; undefined for what has none. */
function jsonCopy(value: unknown): unknown {
  try {
    const text: string | undefined = JSON.stringify(value);
    // NaN and Infinity become null in JSON, which would change their meaning.
    return text === undefined || (text === "null" && value !== null) ? undefined : JSON.parse(text);
  } catch {
    return undefined; // It refers to itself, or holds a bigint.
  }
}
