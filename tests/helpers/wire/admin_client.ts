import { assert, assertEquals } from "@std/assert";
import { Ajv2020 as Ajv } from "ajv";

interface Schemas {
  readonly [name: string]: unknown;
}

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: unknown }>> }>
  >;
}

/** The API's description of itself. */
export interface ApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

/** An answer, checked against the document. */
export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests look into it freely
  readonly body: any;
}

/** A client of the API for operators that checks every answer against the API's own document. */
export class AdminClient {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #document: ApiDocument;
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });

  private constructor(base: string, token: string | undefined, document: ApiDocument) {
    this.#base = base;
    this.#token = token;
    this.#document = document;
    this.#ajv.addSchema(document, "api");
  }

  /** @param url of the server, its base path included */
  static async open(url: string, token: string | undefined): Promise<AdminClient> {
    const base = `${url}/admin/v1`;
    const response = await fetch(`${base}/openapi.json`);
    assertEquals(response.status, 200);
    return new AdminClient(base, token, await response.json());
  }

  get document(): ApiDocument {
    return this.#document;
  }

  /** The same with another token. */
  with(token: string | undefined): AdminClient {
    return new AdminClient(this.#base, token, this.#document);
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<AdminAnswer> {
    return this.send("GET", path, undefined, headers);
  }

  put(path: string, body: unknown = {}): Promise<AdminAnswer> {
    return this.send("PUT", path, JSON.stringify(body));
  }

  post(
    path: string,
    body: unknown = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<AdminAnswer> {
    return this.send("POST", path, JSON.stringify(body), headers);
  }

  delete(path: string): Promise<AdminAnswer> {
    return this.send("DELETE", path);
  }

  async send(
    method: string,
    path: string,
    body?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<AdminAnswer> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const type = response.headers.get("content-type")?.split(";")[0] ?? "";
    const answer: AdminAnswer = {
      status: response.status,
      headers: response.headers,
      body: type.endsWith("json") ? JSON.parse(text) : text,
    };
    this.#check(method, path, type, answer);
    return answer;
  }

  /** Opens the stream of events. */
  events(query = "", headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${this.#base}/events${query}`, {
      headers: { authorization: `Bearer ${this.#token}`, ...headers },
    });
  }

  #check(method: string, path: string, type: string, { status, headers, body }: AdminAnswer): void {
    assertEquals(headers.get("cache-control"), "no-store");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    if (status >= 400) {
      assertEquals(type, "application/problem+json");
      this.#assertValid("api#/components/schemas/Problem", body);
      assertEquals([body.status, body.type], [status, `urn:signalbox:problem:${body.code}`]);
    }
    const asked = `/admin/v1${path.split("?")[0]}`;
    const template = Object.keys(this.#document.paths).find((one) =>
      new RegExp(`^${one.replace(/\{\w+\}/g, "[^/]+")}$`).test(asked)
    );
    const operation = this.#document.paths[template ?? ""]?.[method.toLowerCase()];
    if (template === undefined || operation === undefined) return;
    const answer = operation.responses[`${status}`];
    assert(answer !== undefined, `${method} ${template} has no ${status} in the document`);
    assert(answer.content?.[type] !== undefined, `${method} ${template}: ${status} is ${type}`);
    if (!type.endsWith("json")) return;
    const pointer = ["paths", template, method.toLowerCase(), "responses", `${status}`, "content"]
      .concat(type, "schema").map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"));
    this.#assertValid(`api#/${pointer.map(encodeURIComponent).join("/")}`, body);
  }

  #assertValid(ref: string, value: unknown): void {
    const validate = this.#ajv.compile({ $ref: ref });
    assert(validate(value), `${ref}: ${this.#ajv.errorsText(validate.errors)}`);
  }
}
