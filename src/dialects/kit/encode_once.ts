import type { RoomEvent } from "../../core/events.ts";

/**
 * Remembers the frames of the newest room event. All members of a node get the same event object, so
 * each wire format is encoded once and not once per member.
 */
export class EncodeOnce<Format> {
  #event: RoomEvent | undefined = undefined;
  readonly #frames = new Map<Format, readonly string[]>();

  /** The frames of an event in one format; made at the first call. */
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
