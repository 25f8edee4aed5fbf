/** A request that cannot be served; the text is fixed and contains nothing that the client sent. */
export class HttpFault extends Error {
  override readonly name = "HttpFault";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const FAULTS = {
  badRequest: (why: string): HttpFault => new HttpFault(400, why),
  headTooLarge: (): HttpFault => new HttpFault(431, "Request head is too large"),
  tooSlow: (): HttpFault => new HttpFault(408, "Request took too long"),
  goingAway: (): HttpFault => new HttpFault(503, "Server is going away"),
  badCoding: (): HttpFault => new HttpFault(501, "Transfer coding is not supported"),
  badVersion: (): HttpFault => new HttpFault(505, "HTTP/1.1 is needed"),
};
