import type { PeerEvent } from "../../../src/core/events.ts";
import type { Frame, Session } from "../../../src/core/session.ts";
import type { NamespaceLink } from "../../../src/transport/links.ts";
import type { OfferedNamespace } from "../../../src/transport/socket_io/namespace.ts";
import { NAMESPACE_LIMITS } from "./engine_bench.ts";

/**
 * A dialect of the tests: clients give themselves a name and send each other messages.
 *
 * - `login` name -> acknowledged; an earlier owner of the name gets `kicked` and is disconnected
 * - `send` name, data -> `message` {from, data} for that client; acknowledged with `[]`, or `[2201]`
 * - `echo` … -> the same event for the client itself
 * - `close` code -> disconnected
 */
export class Relay {
  readonly members = new Map<string, RelaySession>();
  /** How each session ended. */
  readonly ends: string[] = [];

  namespaces(names: readonly string[] = ["/"]): OfferedNamespace[] {
    return names.map((name) => ({
      name,
      dialect: "relay",
      limits: NAMESPACE_LIMITS,
      connect: ({ url }, link) => new RelaySession(url, link, this),
    }));
  }
}

class RelaySession implements Session {
  readonly isIdentified = true;
  readonly link: NamespaceLink;
  readonly #url: URL;
  readonly #relay: Relay;
  #name: string | undefined;

  constructor(url: URL, link: NamespaceLink, relay: Relay) {
    this.#url = url;
    this.link = link;
    this.#relay = relay;
  }

  opened(): void {
    const refusal = this.#url.searchParams.get("refuse");
    const greeting = this.#url.searchParams.get("greet");
    if (refusal !== null) this.link.decline(refusal);
    if (greeting !== null) this.#emit("greeting", greeting);
  }

  receive(frame: Frame): void {
    const [, id = "", json = ""] = /^2(\d*)(.*)$/s.exec(String(frame)) ?? [];
    const [event, ...args] = parse(json);
    const acknowledge = (...answer: unknown[]): void => {
      if (id !== "") this.link.send(`3${id}${JSON.stringify(answer)}`);
    };
    if (event === "login") this.#login(String(args[0]), acknowledge);
    else if (event === "send") this.#send(String(args[0]), args[1], acknowledge);
    else if (event === "echo") this.#emit("echo", ...args);
    else if (event === "close") this.link.close(typeof args[0] === "number" ? args[0] : undefined);
  }

  get links(): readonly NamespaceLink[] {
    return [this.link];
  }

  expel(): void {
    this.refuse();
  }

  deliver(_event: PeerEvent): void {}

  refuse(): void {
    this.link.close(1008, "refused");
  }

  closed(departure: string): void {
    this.#relay.ends.push(`${this.#name}: ${departure}`);
    this.#leave();
  }

  #login(name: string, acknowledge: (...answer: unknown[]) => void): void {
    const holder = this.#relay.members.get(name);
    this.#leave();
    this.#name = name;
    this.#relay.members.set(name, this);
    acknowledge("welcome");
    if (holder === undefined || holder === this) return;
    holder.#emit("kicked");
    holder.link.close();
  }

  #send(to: string, data: unknown, acknowledge: (...answer: unknown[]) => void): void {
    const target = this.#relay.members.get(to);
    if (target === undefined || !target.link.isOpen) return acknowledge(2201);
    target.#emit("message", { from: this.#name, data });
    acknowledge();
  }

  #emit(...event: unknown[]): void {
    this.link.send(`2${JSON.stringify(event)}`);
  }

  #leave(): void {
    if (this.#name === undefined) return;
    if (this.#relay.members.get(this.#name) === this) this.#relay.members.delete(this.#name);
  }
}

/** An event without a list of arguments is unknown. */
function parse(json: string): unknown[] {
  try {
    const value = JSON.parse(json);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
