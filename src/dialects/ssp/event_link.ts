import type { Frame, Link } from "../../core/session.ts";
import type { NamespaceLink } from "../../transport/links.ts";
import { toEvent } from "./messages.ts";

/** A Socket.IO namespace as a link for messages: each is sent as an event. */
export class EventLink implements Link {
  readonly id: string;
  readonly address: string;
  readonly #namespace: NamespaceLink;

  constructor(namespace: NamespaceLink) {
    this.id = namespace.id;
    this.address = namespace.address;
    this.#namespace = namespace;
  }

  get isOpen(): boolean {
    return this.#namespace.isOpen;
  }

  send(frame: Frame): void {
    this.#namespace.send(typeof frame === "string" ? toEvent(frame) : frame);
  }

  close(code?: number, reason?: string): void {
    this.#namespace.close(code, reason);
  }

  fail(error: unknown): void {
    this.#namespace.fail(error);
  }
}
