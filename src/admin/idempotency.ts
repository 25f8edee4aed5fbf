import { digestKey } from "../system/crypto.ts";
import { Problem } from "./problem.ts";

const KEPT_MS = 600_000;
const MAX_KEY_LENGTH = 128;
/** Answers that are kept; the oldest makes room. */
const MAX_KEPT = 1_000;

/** The parts of a request by which it is known again. */
export interface Attempted {
  readonly method: string;
  readonly path: string;
  /** SHA-256 of the operator's token. */
  readonly token: string;
  readonly body: string;
}

interface KeptAnswer {
  readonly body: string;
  readonly at: number;
  readonly answer: Promise<RepeatableAnswer>;
}

/** An answer that can be given several times. */
interface RepeatableAnswer {
  readonly status: number;
  readonly headers: readonly [string, string][];
  readonly text: string;
}

/** The first answers to requests with a key, for those that are sent again. */
export class Idempotency {
  readonly #now: () => number;
  readonly #kept = new Map<string, KeptAnswer>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Carries a request out, or gives the answer that its key got before. */
  async once(
    key: string | undefined,
    { method, path, token, body }: Attempted,
    carryOut: () => Promise<Response>,
  ): Promise<Response> {
    if (key === undefined || method !== "POST") return await carryOut();
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
      const detail = `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters`;
      throw new Problem("invalid_request", { detail });
    }
    const name = JSON.stringify([key, method, path, token]);
    const digest = digestKey(body);
    const kept = this.#kept.get(name);
    if (kept !== undefined && this.#isCurrent(kept)) {
      if (kept.body !== digest) throw new Problem("conflict");
      return responseOf(await kept.answer);
    }
    this.#kept.delete(name);
    this.#makeRoom();
    const answer = carryOut().then(answerOf);
    this.#kept.set(name, { body: digest, at: this.#now(), answer });
    return responseOf(await answer);
  }

  /** Removes the answers whose time is over, and the oldest if there are too many for one more. */
  #makeRoom(): void {
    for (const [name, kept] of this.#kept) {
      if (this.#isCurrent(kept) && this.#kept.size < MAX_KEPT) break;
      this.#kept.delete(name);
    }
  }

  #isCurrent({ at }: KeptAnswer): boolean {
    return this.#now() - at < KEPT_MS;
  }
}

async function answerOf(response: Response): Promise<RepeatableAnswer> {
  const { status, headers } = response;
  return { status, headers: [...headers], text: await response.text() };
}

function responseOf({ status, headers, text }: RepeatableAnswer): Response {
  return new Response(text, { status, headers: new Headers([...headers]) });
}
