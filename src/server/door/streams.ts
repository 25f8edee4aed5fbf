import type { Clock } from "../../core/clock.ts";
import { type ErrorCode, SignalError } from "../../core/errors.ts";
import type { Visit } from "../../core/visit.ts";
import { plain } from "../../http/answers.ts";
import { type BodyFault, readBody } from "../../http/body.ts";
import type { Admission, Gate } from "../../http/gate.ts";
import type { Posting, StreamRoute } from "../../http/route.ts";
import type { OwnedRoute } from "../../http/router.ts";
import type { Connections } from "../../transport/connections.ts";
import type { TurnedAway } from "../../observe/journal.ts";

export interface StreamsOptions {
  readonly gate: Gate;
  readonly connections: Connections;
  readonly clock: Clock;
  /** A request was refused before the dialect was asked. */
  readonly onTurnedAway: (visitor: TurnedAway, status: number) => void;
  /** The dialect, or the reading of a body, refused a request. */
  readonly onRequestRefused: (visitor: TurnedAway, error: SignalError, word: string) => void;
  /** True while nobody is admitted, because the server ends or takes up a certificate. */
  readonly isClosed: () => boolean;
}

const BODY_FAULTS: Record<BodyFault, [code: ErrorCode, message: string]> = {
  too_large: ["frame_too_large", "Message is too large"],
  too_slow: ["bad_frame", "Message took too long"],
  not_text: ["not_json", "Message is no text"],
};

/** Event streams and frames by POST; the limits and origins of sockets hold for them. */
export class Streams {
  readonly #options: StreamsOptions;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  async handle(
    request: Request,
    visit: Visit,
    owned: OwnedRoute<StreamRoute>,
  ): Promise<Response> {
    const { gate, onTurnedAway, isClosed } = this.#options;
    if (isClosed()) return goingAway();
    const { owner, route } = owned;
    const isStream = wantsStream(request);
    const admission = gate.admit(visit.address, visit.origin ?? null, !isStream);
    if (admission === undefined) return plain(503, "Too many connections");
    let isHandedOn = false;
    try {
      if (admission.refusal !== undefined) {
        const response = route.refuse(admission.refusal);
        onTurnedAway(turnedAway(owner, visit), response.status);
        return response;
      }
      const posting = await this.#read(request, route);
      // The body took its time: the process would forget whatever is done now.
      if (isClosed()) return goingAway();
      const banned = gate.bannedSince(visit.address);
      if (banned !== undefined) return this.#refuse(banned, visit, owned, undefined);
      if (posting instanceof SignalError) return this.#refuse(posting, visit, owned, admission);
      if (!isStream) return await this.#post(posting, visit, owned, admission);
      isHandedOn = true;
      return await this.#options.connections.stream({
        dialect: owner,
        address: visit.address,
        origin: visit.origin,
        userAgent: visit.userAgent,
        limits: route.limits,
        createSession: (link) => route.connect(visit, link, posting),
        onReleased: admission.release,
      });
    } finally {
      if (!isHandedOn) admission.release();
    }
  }

  async #post(
    posting: Posting,
    visit: Visit,
    owned: OwnedRoute<StreamRoute>,
    admission: Admission,
  ): Promise<Response> {
    const posted = await owned.route.post(visit, posting);
    if ("response" in posted) {
      if (!posted.isProven) admission.wasStranger?.();
      return posted.response;
    }
    return this.#refuse(posted.refusal, visit, owned, posted.isProven ? undefined : admission);
  }

  /** @param admission of a sender that proved nothing */
  #refuse(
    error: SignalError,
    visit: Visit,
    { owner, route }: OwnedRoute<StreamRoute>,
    admission: Admission | undefined,
  ): Response {
    admission?.wasStranger?.();
    this.#options.onRequestRefused(turnedAway(owner, visit), error, route.wordFor(error.code));
    return route.refuse(error);
  }

  /** Reads the whole of a request, or returns why it cannot be read. */
  async #read(
    request: Request,
    { limits, bodyTimeoutMs }: StreamRoute,
  ): Promise<Posting | SignalError> {
    const bounds = { maxBytes: limits.maxFrameBytes, timeoutMs: bodyTimeoutMs };
    const body = await readBody(request, bounds, this.#options.clock);
    if ("fault" in body) return new SignalError(...BODY_FAULTS[body.fault]);
    return {
      method: request.method === "POST" ? "POST" : "GET",
      body: body.text,
      lastEventId: request.headers.get("last-event-id") ?? undefined,
    };
  }
}

/** True if a request asks for events: any other POST brings a frame. */
export function wantsStream({ headers }: Request): boolean {
  return headers.get("accept")?.toLowerCase().includes("text/event-stream") === true;
}

/** The answer of a server that ends. */
export function goingAway(): Response {
  return plain(503, "Server is going away", { "retry-after": "5" });
}

/** A request as logs name it. */
export function turnedAway(dialect: string, { address, url: { pathname } }: Visit): TurnedAway {
  return { dialect, address, pathname };
}
