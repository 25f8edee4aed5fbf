import * as z from "zod";

/** The statuses and titles of all problems (RFC 9457). */
const PROBLEMS = {
  invalid_request: [400, "The request is not valid"],
  unauthorized: [401, "A valid token is needed"],
  forbidden: [403, "The token's role does not allow this"],
  forbidden_origin: [403, "Pages of this origin may not call the API"],
  not_found: [404, "There is no such thing"],
  method_not_allowed: [405, "The method is not allowed here"],
  conflict: [409, "The idempotency key was used for another request"],
  full: [409, "The store is full"],
  too_large: [413, "The request is too large"],
  unsupported_media_type: [415, "The body must be application/json"],
  rate_limited: [429, "Too many requests"],
  internal: [500, "The server has a fault"],
  not_supported: [501, "The protocol has no such operation"],
  unavailable: [503, "This cannot be done now"],
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One defect of a request. */
export interface Defect {
  /** Into the body, or below `/query`. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemDetails {
  readonly detail?: string;
  readonly errors?: readonly Defect[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body of every error. */
export const ProblemBody = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]), // all keys of the table
  detail: z.string().optional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
}).meta({ id: "Problem" });

/** Ends a request with a problem. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(readonly code: ProblemCode, readonly details: ProblemDetails = {}) {
    super(code);
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }

  get response(): Response {
    const { detail, errors, headers } = this.details;
    const [status, title] = PROBLEMS[this.code];
    const type = `urn:signalbox:problem:${this.code}`;
    const body = { type, title, status, code: this.code, detail, errors };
    return new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/problem+json", ...headers },
    });
  }
}

/** The problem of a request with defects. */
export function invalid(...errors: Defect[]): Problem {
  return new Problem("invalid_request", { errors });
}

export function titleOf(code: ProblemCode): string {
  return PROBLEMS[code][1];
}

export function statusOf(code: ProblemCode): number {
  return PROBLEMS[code][0];
}
