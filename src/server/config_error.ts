import { ConfigError } from "../config/load.ts";
import { messageOf } from "../system/errors.ts";

/** Makes a part of the server; its error is one of the configuration. */
export function orConfigError<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ConfigError([messageOf(error)]);
  }
}
