import type { Failed } from "../../core/nodes/backplane.ts";
import type { Homes } from "../../core/nodes/elsewhere.ts";
import type { InstanceCredentials } from "./messages.ts";
import type { Renewal, SentPosted, ToHome, ToNode } from "./node_messages.ts";
import type { FarPosting } from "./other_nodes.ts";
import { OUTCOME_MS } from "./posts.ts";
import { untaken } from "./refusals.ts";
import type { SimpleServer } from "./server.ts";

/** How long a home may take to be reached; how often it is asked again while an outcome is open. */
const REACH_MS = 2_000;
/** How long an outcome may be open at a home that answers: the home gives its own up before. */
const LONGEST_MS = OUTCOME_MS + 2 * REACH_MS;

type Outcome = SentPosted | Failed;

/** Posted frames of this node's clients for peers whose home is another node. */
export class FarPosts implements FarPosting {
  readonly #server: Pick<SimpleServer, "realm" | "clock">;
  readonly #homes: Pick<Homes, "send">;
  readonly #open = new Map<string, (outcome: SentPosted) => void>();
  /** By the ping's text. */
  readonly #reaching = new Map<string, Promise<SentPosted | undefined>>();
  #tickets = 0;

  constructor(
    server: Pick<SimpleServer, "realm" | "clock">,
    homes: Pick<Homes, "send">,
  ) {
    this.#server = server;
    this.#homes = homes;
  }

  /** Posts of one instance that come together are content with one ping. */
  async reach(credentials: InstanceCredentials): Promise<SentPosted | undefined> {
    const body = JSON.stringify({ event: "ping", ...credentials });
    const underWay = this.#reaching.get(body);
    if (underWay !== undefined) return await underWay;
    const reaching = this.#reach(credentials, body);
    this.#reaching.set(body, reaching);
    try {
      return await reaching;
    } finally {
      this.#reaching.delete(body);
    }
  }

  async post(credentials: InstanceCredentials, body: string): Promise<SentPosted | undefined> {
    return await this.#carryOut(credentials, (ticket) => ({ op: "post", ticket, body }));
  }

  async renew(renewal: Renewal): Promise<SentPosted | undefined> {
    return await this.#carryOut(
      renewal.credentials,
      (ticket) => ({ op: "renew", ticket, renewal }),
    );
  }

  /** A home has sent an outcome. */
  told({ ticket, outcome }: Extract<ToNode, { op: "posted" }>): void {
    this.#open.get(ticket)?.(outcome);
  }

  async #reach(credentials: InstanceCredentials, body: string): Promise<SentPosted | undefined> {
    using asked = this.#ask(credentials, (ticket) => ({ op: "post", ticket, body, isProbe: true }));
    return settled(await this.#within(REACH_MS, asked.outcome) ?? "unavailable");
  }

  /**
   * Waits for the outcome as long as a home has the instance. It answers in order, so an outcome comes
   * before the answer to a later ping.
   */
  async #carryOut(
    credentials: InstanceCredentials,
    message: (ticket: string) => ToHome,
  ): Promise<SentPosted | undefined> {
    const { clock } = this.#server;
    const until = clock.now() + LONGEST_MS;
    using asked = this.#ask(credentials, message);
    while (clock.now() < until) {
      const outcome = await this.#within(REACH_MS, asked.outcome);
      if (outcome !== undefined) return settled(outcome);
      const end = await Promise.race([asked.outcome, this.#endOf(credentials)]);
      if (end !== "open") return settled(end);
    }
    return settled("unavailable");
  }

  /** The reason for which a home gives no outcome any more; "open" as long as it may give one. */
  async #endOf(credentials: InstanceCredentials): Promise<Outcome | "open"> {
    try {
      const pong = await this.reach(credentials);
      if (pong === undefined) return "gone";
      return "refusal" in pong && pong.refusal.code === "instance_unknown" ? pong : "open";
    } catch {
      return "open";
    }
  }

  /** Undefined if nothing comes in time. */
  async #within(ms: number, outcome: Promise<Outcome>): Promise<Outcome | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    using _timer = this.#server.clock.after(ms, () => resolve(undefined));
    return await Promise.race([outcome, promise]);
  }

  #ask(
    { p_id }: InstanceCredentials,
    message: (ticket: string) => ToHome,
  ): Disposable & { readonly outcome: Promise<Outcome> } {
    const ticket = `${++this.#tickets}`;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#open.set(ticket, resolve);
    this.#homes.send(this.#server.realm, p_id, message(ticket), resolve, p_id);
    return { outcome: promise, [Symbol.dispose]: () => this.#open.delete(ticket) };
  }
}

function settled(outcome: Outcome): SentPosted | undefined {
  if (typeof outcome === "object") return outcome;
  if (outcome === "unavailable") throw untaken(outcome);
  return undefined;
}
