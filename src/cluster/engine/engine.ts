/** An answer of the engine: texts, numbers, nothing, and lists of them. */
export type Reply = string | number | null | readonly Reply[];

/** The list that an answer is; empty for any other answer. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

/** One connection to the engine. */
export interface EngineConnection {
  /** False once it is known to be lost. */
  readonly isOpen: boolean;
  /** Carries out one command; rejects with EngineError where there is no answer in time. */
  command(args: readonly string[], limitMs: number): Promise<Reply>;
  /** Ends the connection at once; commands under way reject. */
  close(): void;
}

/** The Redis or Valkey that all nodes share. */
export interface Engine {
  /** Where it is, for people: without a password. */
  readonly place: string;
  /** Connects once; rejects with EngineError where that fails. */
  connect(purpose: "call" | "read"): Promise<EngineConnection>;
}

/** Kinds of trouble with the engine. Only those before "login" may pass by themselves. */
export type EngineTrouble =
  | "unreachable"
  | "loading"
  | "replica"
  | "primary"
  | "memory"
  | "unwritable"
  /** A key of this cluster has a type that it cannot have. */
  | "type"
  | "login"
  | "forbidden"
  | "database"
  /** The runtime does not let this process connect. */
  | "permission"
  | "other";

/** The message of an answer that took too long. */
export const LATE = "timed out";

/** A command that was not answered, or was refused. */
export class EngineError extends Error {
  override readonly name = "EngineError";

  /** @param message in lower case, as the end of a sentence */
  constructor(readonly trouble: EngineTrouble, message: string) {
    super(message);
  }
}
