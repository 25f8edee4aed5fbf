/** Which origins are meant by a list of the configuration. */
export class OriginList {
  readonly #exact: ReadonlySet<string>;
  /** Scheme and domain, such as `["https://", ".example.org"]`. */
  readonly #subdomains: readonly (readonly [scheme: string, domain: string])[];
  readonly #hasAll: boolean;

  /** @param origins in the forms that the options take; an empty list means every origin */
  constructor(origins: readonly string[]) {
    const wild = origins.filter((origin) => origin.includes("://*."));
    this.#exact = new Set(origins);
    this.#subdomains = wild.map((origin) => {
      const [scheme = "", domain = ""] = origin.split("*");
      return [scheme, domain];
    });
    this.#hasAll = origins.length === 0 || this.#exact.has("*");
  }

  /** @param origin as a client sent it: text that may hold anything */
  has(origin: string): boolean {
    if (this.#hasAll || this.#exact.has(origin) && !origin.includes("*")) return true;
    return this.#subdomains.some(([scheme, domain]) =>
      origin.startsWith(scheme) && origin.endsWith(domain) &&
      isLabels(origin.slice(scheme.length, origin.length - domain.length))
    );
  }
}

/** Whether a text is one or more labels of a domain name. */
function isLabels(text: string): boolean {
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(text);
}
