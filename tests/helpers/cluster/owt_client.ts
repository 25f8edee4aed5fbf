import { Agent } from "node:http";
import { io, type ManagerOptions, type Socket } from "socket.io-client";
import { pause, until, within } from "../wire/waiting.ts";

/** A real OWT client on a node, logged in. */
export interface OwtClient extends Disposable {
  readonly socket: Socket;
  /** The session id of its connection, which begins with the node's name. */
  readonly sid: string;
  readonly heard: unknown[][];
  readonly closed: Promise<string>;
  /** Waits for the end of its last request. A poll that fails ends with a timer of zero. */
  settled(): Promise<void>;
  /** Sends a message, and returns the acknowledgement. */
  send(to: string, data: string): Promise<unknown[]>;
}

/** Logs in, and waits for the answer. */
export async function logIn(
  url: string,
  token: string,
  transport: "polling" | "websocket" = "websocket",
): Promise<OwtClient> {
  const agent = new Agent();
  const socket = io(url, {
    transports: [transport],
    forceNew: true,
    reconnection: false,
    // The client's types know no object here; its requests for polls take one.
    ...transport === "polling"
      ? { agent: agent as unknown as NonNullable<ManagerOptions["agent"]> }
      : {},
  });
  const heard: unknown[][] = [];
  const closed = Promise.withResolvers<string>();
  socket.onAny((name: string, ...args: unknown[]) => heard.push([name, ...args]));
  socket.on("disconnect", (reason) => closed.resolve(reason));
  const ready = Promise.withResolvers<void>();
  socket.on("connect", () => socket.emit("authentication", { token }, () => ready.resolve()));
  socket.on("connect_error", ready.reject);
  await within("the login", ready.promise);
  heard.length = 0;
  return {
    socket,
    // The client's own types leave it out.
    sid: String((socket.io.engine as unknown as { id: unknown }).id),
    heard,
    closed: closed.promise,
    async settled(): Promise<void> {
      const open = (): object => ({ ...agent.sockets, ...agent.requests });
      await until("the client's requests to end", () => Object.keys(open()).length === 0);
      await pause(0);
    },
    async send(to, data): Promise<unknown[]> {
      const answer = Promise.withResolvers<unknown[]>();
      const message = { to, data };
      socket.emit("owt-message", message, (...args: unknown[]) => answer.resolve(args));
      return await within("the acknowledgement", answer.promise);
    },
    [Symbol.dispose]: () => void socket.close(),
  };
}
