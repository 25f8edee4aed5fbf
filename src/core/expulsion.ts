import { type ErrorCode, SignalError } from "./errors.ts";

/** The reason for which a peer is gone. */
export type LeaveReason =
  | "left"
  | "lost"
  | "kicked"
  | "banned"
  | "expired"
  | "replaced"
  | "draining";

/** The server's reasons to end a client's stay. */
export type Expulsion = "kicked" | "user_banned" | "address_banned" | "login_expired";

interface ExpulsionFacts {
  readonly code: ErrorCode;
  readonly message: string;
  readonly leaves: LeaveReason;
}

const EXPULSIONS: Readonly<Record<Expulsion, ExpulsionFacts>> = {
  kicked: { code: "kicked", message: "Kicked", leaves: "kicked" },
  user_banned: { code: "kicked", message: "Kicked", leaves: "banned" },
  address_banned: { code: "address_banned", message: "this address is banned", leaves: "banned" },
  login_expired: { code: "login_expired", message: "Token has expired", leaves: "expired" },
};

/** True for the name of an expulsion that came from another node. */
export function isExpulsion(name: string | undefined): name is Expulsion {
  return name !== undefined && Object.hasOwn(EXPULSIONS, name);
}

/** The refusal that ends a client's stay, for its dialect to word. */
export function refusalOf(expulsion: Expulsion): SignalError {
  const { code, message } = EXPULSIONS[expulsion];
  return code === expulsion
    ? new SignalError(code, message)
    : new SignalError(code, message, {}, expulsion);
}

/** The reason for which others see the peer leave. */
export function leaveReasonOf(expulsion: Expulsion): LeaveReason {
  return EXPULSIONS[expulsion].leaves;
}
