import { FakeClock } from "./fake_clock.ts";

/** A clock that begins a new turn of the event loop when it is advanced, also by 0 ms. */
export class TurningClock extends FakeClock {
  override soon(action: () => void): Disposable {
    return this.after(0, action);
  }
}
