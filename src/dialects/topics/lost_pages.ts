import * as z from "zod";

/** A connection that was lost: the id that it announced, and its topics in their order. */
export const LostPage = z.object({
  id: z.string(),
  topics: z.array(z.string()),
  address: z.string(),
});

/** A connection that was lost, for as long as it is remembered. */
export interface LostPage extends Readonly<z.infer<typeof LostPage>> {
  /** On the server's clock. */
  readonly expiresAtMs: number;
}

/** A topic to subscribe a returned page to, and the one before it, its own. */
export interface ReturnedPage {
  readonly own: string | undefined;
  readonly topic: string;
}

/** A lost connection weighs as much as its topics, but no less than this. */
const MIN_WEIGHT = 16;
/** The largest share of one address: it cannot displace what all others have lost. */
const SHARE = 1 / 4;

/** Subscriptions of Trystero's lost connections, which never subscribe again by themselves (§5). */
export class LostPages {
  readonly #maxWeight: number;
  readonly #byId = new Map<string, Set<LostPage>>();
  /** The oldest first. */
  readonly #pages = new Set<LostPage>();
  readonly #weightByAddress = new Map<string, number>();
  #weight = 0;

  /** @param max connections that are remembered at most; fewer if they have many topics */
  constructor(max: number) {
    this.#maxWeight = max * MIN_WEIGHT;
  }

  get size(): number {
    return this.#pages.size;
  }

  add(page: LostPage): void {
    if (page.topics.length === 0) return;
    this.#pages.add(page);
    this.#weigh(page, 1);
    const namesakes = this.#byId.get(page.id);
    if (namesakes === undefined) this.#byId.set(page.id, new Set([page]));
    else namesakes.add(page);
    while (this.#weight > this.#maxWeight) this.#forget(this.#displaced(page.address));
  }

  /**
   * Returns the topics that an id gets back when it announces itself in one of them. Every connection
   * that was lost under the id counts, because an id proves nothing; for the same reason nothing is
   * forgotten here.
   */
  find(id: string, topic: string, nowMs: number): ReturnedPage[] {
    const returned: ReturnedPage[] = [];
    for (const { topics, expiresAtMs } of this.#byId.get(id) ?? []) {
      const at = topics.indexOf(topic);
      if (at !== -1 && expiresAtMs > nowMs) returned.push({ own: topics[at - 1], topic });
    }
    return returned;
  }

  /** Forgets what has expired. Call now and then. */
  expire(nowMs: number): void {
    for (const page of [...this.#pages]) if (page.expiresAtMs <= nowMs) this.#forget(page);
  }

  /** The newest first. */
  list(): LostPage[] {
    return [...this.#pages].reverse();
  }

  /** The oldest, of the newcomer's address if that has more than its share. */
  #displaced(newcomer: string): LostPage | undefined {
    const isOverShare = (this.#weightByAddress.get(newcomer) ?? 0) > this.#maxWeight * SHARE;
    for (const page of this.#pages) if (!isOverShare || page.address === newcomer) return page;
    return undefined;
  }

  #forget(page: LostPage | undefined): void {
    if (page === undefined || !this.#pages.delete(page)) return;
    this.#weigh(page, -1);
    const namesakes = this.#byId.get(page.id);
    namesakes?.delete(page);
    if (namesakes?.size === 0) this.#byId.delete(page.id);
  }

  #weigh({ topics, address }: LostPage, sign: 1 | -1): void {
    const change = sign * Math.max(MIN_WEIGHT, topics.length);
    const ofAddress = (this.#weightByAddress.get(address) ?? 0) + change;
    this.#weight += change;
    if (ofAddress > 0) this.#weightByAddress.set(address, ofAddress);
    else this.#weightByAddress.delete(address);
  }
}
