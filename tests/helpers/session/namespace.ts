import type { Frame, Session } from "../../../src/core/session.ts";
import type { NamespaceGreeting, NamespaceLink } from "../../../src/transport/links.ts";
import type { DialectBench } from "./dialect.ts";
import type { FakeLink } from "./fake_link.ts";
import { settle, TestClient } from "./hub.ts";
import { visitOf } from "./visit.ts";

/** A client that says nothing of itself in particular to a namespace. */
export const NO_GREETING: NamespaceGreeting = { query: "", auth: "" };

/** A namespace of a Socket.IO connection without a network. */
export class FakeNamespaceLink implements NamespaceLink {
  readonly id: string;
  readonly address: string;
  readonly #inner: FakeLink;
  #answer: "accepted" | { readonly error: string } | undefined = undefined;

  constructor(inner: FakeLink) {
    this.id = inner.id;
    this.address = inner.address;
    this.#inner = inner;
  }

  get isOpen(): boolean {
    return this.#inner.isOpen;
  }

  /** How the client's CONNECT was answered; undefined as long as it was not. */
  get answer(): "accepted" | { readonly error: string } | undefined {
    return this.#answer;
  }

  accept(): void {
    if (this.isOpen) this.#answer ??= "accepted";
  }

  send(frame: Frame): void {
    this.accept();
    this.#inner.send(frame);
  }

  close(code?: number, reason?: string): void {
    this.accept();
    this.#inner.close(code, reason);
  }

  fail(error: unknown): void {
    this.#inner.fail(error);
  }

  decline(message: string): void {
    if (!this.isOpen) return;
    if (this.#answer !== undefined) throw new Error("Cannot decline what was accepted");
    this.#answer = { error: message };
    this.#inner.drop();
  }
}

/** A client of a namespace; its frames are the namespace's packets. */
export interface NamespaceClient {
  readonly client: TestClient;
  readonly link: FakeNamespaceLink;
}

/** Connects to a namespace and waits until the session is done with the opening. */
export async function connectTo(
  bench: DialectBench,
  name: string,
  query: Readonly<Record<string, string>> = {},
  greeting: Partial<NamespaceGreeting> = {},
): Promise<NamespaceClient> {
  const namespace = bench.open.namespaces?.find((one) => one.name === name);
  if (namespace === undefined) throw new RangeError(`Cannot connect: no namespace "${name}"`);
  const parameters = new URLSearchParams({ EIO: "4", transport: "websocket", ...query });
  const visit = visitOf(`/socket.io/?${parameters}`);
  const links: FakeNamespaceLink[] = [];
  const client = new TestClient(
    (inner) => {
      const link = new FakeNamespaceLink(inner);
      links.push(link);
      return accepting(namespace.connect(visit, link, { ...NO_GREETING, ...greeting }), link);
    },
    namespace.limits,
    bench.clock.now,
  );
  client.pump.open();
  await settle();
  const [link] = links;
  if (link === undefined) throw new Error("The client got no link");
  return { client, link };
}

/** The session as it is, but that the CONNECT is accepted when it is done with the opening. */
function accepting(session: Session, link: FakeNamespaceLink): Session {
  const open = session.opened.bind(session);
  session.opened = () => {
    const pending = open();
    if (pending === undefined) return link.accept();
    return pending.then(() => link.accept());
  };
  return session;
}
