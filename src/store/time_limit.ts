import type { Clock } from "../core/clock.ts";
import { StoreTimeoutError } from "./engine/engine.ts";

/** Settles like the work, or rejects with StoreTimeoutError while the work continues. */
export async function withinTime<T>(work: Promise<T>, limitMs: number, clock: Clock): Promise<T> {
  const late = Promise.withResolvers<never>();
  using _timer = clock.after(
    limitMs,
    () => late.reject(new StoreTimeoutError(`no answer within ${limitMs} ms`)),
  );
  return await Promise.race([work, late.promise]);
}

/** Yields to other work. */
export async function nextTurn(clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.soon(resolve);
  await promise;
}
