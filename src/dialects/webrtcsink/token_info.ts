import type { Identity } from "../../auth/authenticator.ts";
import { SignalError } from "../../core/errors.ts";
import { isObject } from "../kit/json.ts";

/** Adds the token's facts about a client to its meta; they win over its own. */
export function withInfo(meta: unknown, info: Identity["info"]): unknown {
  if (info === undefined) return meta;
  if (meta === null) return info;
  if (isObject(meta)) return { ...meta, ...info };
  throw new SignalError(
    "description_invalid",
    "Cannot change the status: meta has to be an object or null with this token",
  );
}
