/* The admin API, with one operator's token. */

const BASE = new URL("../admin/v1/", import.meta.url);

/** A refusal of the API, in its own words. */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail ? `${title}: ${detail}` : title);
    this.status = status;
  }
}

export class Api {
  #token;
  #onSignedOut;

  /** Calls `onSignedOut` when the server takes the token no longer. */
  constructor(token, onSignedOut) {
    this.#token = token;
    this.#onSignedOut = onSignedOut;
  }

  /** `read` or `full`, as the server told last. */
  role = "read";

  /** The JSON of an answer. Throws a Problem, or the browser's error without an answer. */
  async get(path, query = {}) {
    return await this.#call("GET", path, query, undefined);
  }

  async send(method, path, body) {
    return await this.#call(method, path, {}, body);
  }

  /** The answer of a stream, still open. */
  async open(path, headers, signal) {
    const response = await fetch(new URL(path, BASE), {
      headers: { ...headers, authorization: `Bearer ${this.#token}` },
      cache: "no-store",
      signal,
    });
    await this.#check(response);
    return response;
  }

  async #call(method, path, query, body) {
    const url = new URL(path, BASE);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== "") url.searchParams.set(name, value);
    }
    const headers = { authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(url, {
      method,
      headers,
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await this.#check(response);
    return response.status === 204 ? {} : await response.json();
  }

  async #check(response) {
    this.role = response.headers.get("signalbox-role") ?? this.role;
    if (response.ok) return;
    const problem = await response.json().catch(() => ({}));
    const found = new Problem(
      response.status,
      problem.title ?? `The server answered ${response.status}`,
      problem.detail ?? problem.errors?.map(({ detail }) => detail).join(", "),
    );
    if (response.status === 401) this.#onSignedOut(found);
    throw found;
  }
}

/** One segment of a path. A name that no URL can hold is written as JSON, behind `=`. */
export function segment(name) {
  if (["", ".", ".."].includes(name) || !name.isWellFormed()) {
    return `=${encodeURIComponent(JSON.stringify(name))}`;
  }
  const code = (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(name).replace(/[!'()*]/g, code);
}
