import * as z from "zod";
import { jsonIn } from "../system/json.ts";
import { type Fleet, othersOf } from "./fleet.ts";
import { compare, cursorOf, type SortKey, SortKeyShape } from "./sort_key.ts";
import { Problem } from "./problem.ts";
import type { Part, Reach } from "./reach.ts";

/** A request as one node hands it to another. */
const Handed = z.strictObject({
  method: z.string(),
  path: z.string(),
  body: z.string(),
  actor: z.strictObject({ name: z.string(), role: z.enum(["read", "full"]) }),
});
export type Handed = z.infer<typeof Handed>;

const Answered = z.strictObject({
  status: z.int().min(200).max(599),
  type: z.string(),
  text: z.string(),
  places: z.array(SortKeyShape),
});
type Answered = z.infer<typeof Answered>;

const PageShape = z.looseObject({
  items: z.array(z.looseObject({})),
  next: z.string().nullable(),
  total: z.int(),
});
type AnyPage = z.infer<typeof PageShape>;

const Members = z.looseObject({ peers: z.array(z.looseObject({ id: z.string() })) });

/** One node's answer to what several are asked. */
interface Share {
  readonly node: string;
  readonly answer: Answered;
}

export interface SpreadParts {
  readonly fleet: Fleet;
  /** Carries a request out on this node alone; undefined if none of its kind comes from other nodes. */
  readonly carryOut: (request: Handed, part: Part) => Promise<Response> | undefined;
}

const TOPIC = "operate";
const DEFAULT_LIMIT = 100;

/** Carries requests of operators out on all nodes of a cluster that they concern. */
export class Spread {
  readonly #fleet: Fleet;
  readonly #carryOut: SpreadParts["carryOut"];

  constructor({ fleet, carryOut }: SpreadParts) {
    this.#fleet = fleet;
    this.#carryOut = carryOut;
    fleet.answer(TOPIC, async (question) => await this.#asked(question));
  }

  /** Answers a request that came to this node. */
  async answer(reach: Reach, request: Handed): Promise<Response> {
    const own = await this.#here(request, "first");
    if (own === undefined) throw new Problem("not_found");
    if (reach === "list") return own.status === 200 ? await this.#list(request, own) : plain(own);
    if (own.status !== 404 && reach === "home") return plain(own);
    const { shares, missing } = request.method === "GET"
      ? await this.#askAll(request)
      : await this.#askInTurn(request);
    const all = [{ node: this.#fleet.node, answer: own }, ...shares];
    const found = all.filter(({ answer }) => answer.status !== 404);
    if (found.length > 0) return plain(whole(found));
    if (missing.length > 0) {
      throw new Problem("unavailable", { detail: `No answer from ${missing.join(", ")}` });
    }
    return plain(await this.#here(request, "last") ?? own);
  }

  async #asked(question: unknown): Promise<Answered | undefined> {
    const request = Handed.safeParse(question).data;
    return request && await this.#here(request, "asked");
  }

  async #here(request: Handed, turn: Part["turn"]): Promise<Answered | undefined> {
    const part: Part = { turn, places: [] };
    const response = await this.#carryOut(request, part);
    if (response === undefined) return undefined;
    const type = response.headers.get("content-type") ?? "";
    const places = part.places.map((place) => [...place]);
    return { status: response.status, type, text: await response.text(), places };
  }

  async #ask(node: string, request: Handed): Promise<Answered | undefined> {
    return Answered.safeParse(await this.#fleet.ask(node, TOPIC, request)).data;
  }

  /** Also those that have just started: their peers are in no answer otherwise. */
  async #others(): Promise<readonly string[]> {
    await this.#fleet.meetAll();
    return othersOf(this.#fleet);
  }

  async #askAll(request: Handed): Promise<{ shares: Share[]; missing: string[] }> {
    const others = await this.#others();
    const answers = await Promise.all(others.map((node) => this.#ask(node, request)));
    const shares = others.flatMap((node, nth) => {
      const answer = answers[nth];
      return answer === undefined ? [] : [{ node, answer }];
    });
    return { shares, missing: others.filter((_, nth) => answers[nth] === undefined) };
  }

  /** A change is carried out once: the first node that can ends it. */
  async #askInTurn(request: Handed): Promise<{ shares: Share[]; missing: string[] }> {
    const missing: string[] = [];
    for (const node of await this.#others()) {
      const answer = await this.#ask(node, request);
      if (answer === undefined) missing.push(node);
      else if (answer.status !== 404) return { shares: [{ node, answer }], missing };
    }
    return { shares: [], missing };
  }

  async #list(request: Handed, own: Answered): Promise<Response> {
    const { shares, missing } = await this.#askAll(request);
    const pages: (readonly [AnyPage, readonly SortKey[]])[] = [];
    for (const { node, answer } of [{ node: this.#fleet.node, answer: own }, ...shares]) {
      const page = answer.status === 200
        ? PageShape.safeParse(jsonIn(answer.text)).data
        : undefined;
      if (page?.items.length === answer.places.length) pages.push([page, answer.places]);
      else missing.push(node);
    }
    const limit = Number(new URLSearchParams(request.path.split("?")[1]).get("limit"));
    const merged = merge(pages, limit || DEFAULT_LIMIT);
    const body = missing.length === 0 ? merged : { ...merged, missing: missing.sort() };
    return Response.json(body);
  }
}

/** The first items of several pages in order; of items at one place the first page's remains. */
function merge(pages: readonly (readonly [AnyPage, readonly SortKey[]])[], limit: number): AnyPage {
  const all = pages.flatMap(([{ items }, places]) =>
    items.map((item, nth) => ({ item, place: places[nth] ?? [] }))
  ).sort((a, b) => compare(a.place, b.place));
  // Behind its last item a page may have more, which come before the items of other pages.
  const ends = pages.flatMap(([{ next }, places]) => next === null ? [] : places.slice(-1));
  const taken: typeof all = [];
  let hasMore = ends.length > 0;
  for (const one of all) {
    const before = taken.at(-1);
    if (before !== undefined && compare(one.place, before.place) === 0) continue;
    const isBehind = ends.some((end) => compare(one.place, end) > 0);
    if (isBehind || taken.length === limit) {
      hasMore = true;
      break;
    }
    taken.push(one);
  }
  const last = taken.at(-1);
  return {
    items: taken.map(({ item }) => item),
    next: hasMore && last !== undefined ? cursorOf(last.place) : null,
    total: pages.reduce((sum, [{ total }]) => sum + total, 0),
  };
}

/** An answer of several nodes: each member of a room as its own node describes it. */
function whole([first, ...others]: readonly Share[]): Answered {
  if (first === undefined) throw new RangeError("Cannot answer without an answer");
  const room = first.answer.status === 200
    ? Members.safeParse(jsonIn(first.answer.text)).data
    : undefined;
  if (room === undefined || others.length === 0) return first.answer;
  const known = new Map(others.flatMap(({ node, answer }) => {
    const peers = Members.safeParse(jsonIn(answer.text)).data?.peers ?? [];
    return peers.filter((peer) => peer["node"] === node).map((peer) => [peer.id, peer] as const);
  }));
  const peers = room.peers.map((peer) => known.get(peer.id) ?? peer);
  return { ...first.answer, text: JSON.stringify({ ...room, peers }) };
}

function plain({ status, type, text }: Answered): Response {
  return new Response(text, { status, headers: { "content-type": type } });
}
