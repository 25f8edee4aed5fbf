import type { ErrorCode } from "../../core/errors.ts";
import type { Visit } from "../../core/visit.ts";
import { plain } from "../../http/answers.ts";
import type { Admission } from "../../http/gate.ts";
import { selectProtocol } from "../../http/handshake.ts";
import type { Checked, UpgradeRoute } from "../../http/route.ts";
import type { OwnedRoute } from "../../http/router.ts";
import type { Signpost } from "../../observe/signpost.ts";
import type { Transport } from "../../transport/transport.ts";
import { FirstFrameSession } from "./first_frame.ts";
import { goingAway, type StreamsOptions, turnedAway } from "./streams.ts";

export interface UpgradesOptions extends StreamsOptions {
  readonly transport: Pick<Transport, "upgrade">;
  /** Longest silence of a client before it is gone, unless its dialect has a time of its own. */
  readonly maxSilenceMs: number;
  readonly signpost: Pick<Signpost, "silent">;
}

/** A checked handshake, and who serves its path. */
export interface Handshake {
  readonly request: Request;
  readonly visit: Visit;
  readonly upgrade: OwnedRoute<UpgradeRoute>;
  readonly guests: readonly OwnedRoute<UpgradeRoute>[];
}

/** Statuses of refusals before an upgrade; any other one means: try again later. */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  credentials_missing: 401,
  credentials_wrong: 401,
  credentials_expired: 401,
  dialect_forbidden: 403,
  origin_forbidden: 403,
  address_banned: 403,
};

/** Turns handshakes into connections of their dialects. */
export class Upgrades {
  readonly #options: UpgradesOptions;

  constructor(options: UpgradesOptions) {
    this.#options = options;
  }

  /** Waits only where the dialect's check does. */
  handle(handshake: Handshake): Response | Promise<Response> {
    const { gate, isClosed } = this.#options;
    const { visit, upgrade: { route }, guests } = handshake;
    if (isClosed()) return this.#turnAway(handshake, goingAway());
    const admission = gate.admit(visit.address, visit.origin ?? null);
    if (admission === undefined) {
      return this.#turnAway(handshake, plain(503, "Too many connections", { "retry-after": "5" }));
    }
    // At a shared path the client's dialect is not known yet.
    if (route.check === undefined || guests.length > 0) {
      return this.#accept(handshake, admission, route.connect);
    }
    if (admission.refusal !== undefined) {
      return this.#settle(handshake, admission, { refusal: admission.refusal });
    }
    const checked = route.check(visit);
    return checked instanceof Promise
      ? checked.then((checked) => this.#settle(handshake, admission, checked))
      : this.#settle(handshake, admission, checked);
  }

  #settle(handshake: Handshake, admission: Admission, judged: Checked): Response {
    const banned = this.#options.gate.bannedSince(handshake.visit.address);
    const checked = banned === undefined ? judged : { refusal: banned };
    if ("connect" in checked) {
      // The server may have begun to stop in the meantime.
      if (!this.#options.isClosed()) return this.#accept(handshake, admission, checked.connect);
      admission.release();
      return this.#turnAway(handshake, goingAway());
    }
    admission.release();
    const { code, message } = checked.refusal;
    const { upgrade: { owner }, visit } = handshake;
    const why = checked.refusal.why ?? code;
    this.#options.onRequestRefused(turnedAway(owner, visit), checked.refusal, why);
    const status = STATUSES[code] ?? 503;
    if (status === 401) return plain(status, message, { "www-authenticate": "Bearer" });
    return plain(status, message, status === 503 ? { "retry-after": "5" } : {});
  }

  #accept(
    handshake: Handshake,
    admission: Admission,
    connect: UpgradeRoute["connect"],
  ): Response {
    const { connections, transport, maxSilenceMs, signpost } = this.#options;
    const { request, visit, upgrade: { owner, route }, guests } = handshake;
    const { address, origin, userAgent } = visit;
    const silenceMs = route.maxSilenceMs ?? maxSilenceMs;
    const spoken = [route, ...guests.map((guest) => guest.route)].flatMap(({ protocols = [] }) =>
      protocols
    );
    const protocol = selectProtocol(visit.protocols, spoken, route.acceptsAnyProtocol === true);
    const upgraded = transport.upgrade(request, silenceMs, protocol);
    if (upgraded === undefined) {
      admission.release();
      return this.#turnAway(handshake, plain(400, "Bad WebSocket handshake"));
    }
    connections.accept(upgraded.socket, {
      dialect: owner,
      address,
      origin,
      userAgent,
      limits: route.limits,
      goingAwayCode: route.goingAwayCode,
      isUnsettled: guests.length > 0,
      createSession: (link, connection) => {
        const own = connect(visit, link);
        if (guests.length === 0) return own;
        const onSilent = (): void => signpost.silent(address, visit.url.pathname);
        return new FirstFrameSession({ visit, own, guests, connection, onSilent });
      },
      refusal: admission.refusal,
      onReleased: admission.release,
    });
    return upgraded.response;
  }

  #turnAway({ upgrade: { owner }, visit }: Handshake, response: Response): Response {
    this.#options.onTurnedAway(turnedAway(owner, visit), response.status);
    return response;
  }
}
