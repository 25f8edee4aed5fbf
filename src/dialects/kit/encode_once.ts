import type { RoomEvent } from "../../core/events.ts";

/**
 * A room's news goes to all members as one event object: this remembers the frames made of the
 * newest one, so that a wire format is written once and not once per member.
 */
export class EncodeOnce<Format> {
  #event: RoomEvent | undefined = undefined;
  readonly #frames = new Map<Format, readonly string[]>();

  /** The frames of an event in one format, made when first asked for. */
  frames(
    event: RoomEvent,
    format: Format,
    make: (event: RoomEvent, format: Format) => readonly string[],
  ): readonly string[] {
    if (event !== this.#event) {
      this.#event = event;
      this.#frames.clear();
    }
    let frames = this.#frames.get(format);
    if (frames === undefined) this.#frames.set(format, frames = make(event, format));
    return frames;
  }
}
