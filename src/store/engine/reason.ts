import { messageOf } from "../../system/errors.ts";
import { StoreError, StoreGoneError, type StoreReason, StoreTimeoutError } from "./engine.ts";

/** Texts for `/readyz` and the log: public, therefore without paths and addresses. */
const TEXTS: Readonly<Record<StoreReason, string>> = {
  damaged: "its file is damaged",
  denied: "its file may not be read or written",
  failed: "it fails",
  foreign: "its file belongs to another program",
  full: "the disk is full",
  in_use: "another server uses its folder",
  invalid_place: "its place is invalid",
  locked: "its file is locked by another process",
  newer: "a newer signalbox wrote its file",
  not_a_folder: "its folder is not a folder",
  other_format: "its file has another format",
  read_only: "its file cannot be written",
  secret: "a secret in it is damaged",
  silent: "it does not answer",
};

/** Classifies a failure: our own errors by their reason, the system's and SQLite's by their texts. */
export function reasonOf(error: unknown): StoreReason {
  if (error instanceof StoreError) return error.reason;
  if (error instanceof StoreTimeoutError) return "silent";
  if (isNoFolder(error)) return "not_a_folder";
  if (error instanceof Deno.errors.PermissionDenied) return "denied";
  const text = messageOf(error);
  if (/is full|no space|quota/i.test(text)) return "full";
  if (/locked|busy/i.test(text)) return "locked";
  if (/read-?only/i.test(text)) return "read_only";
  if (/not permitted|permission denied/i.test(text)) return "denied";
  return /malformed|not a database/i.test(text) ? "damaged" : "failed";
}

/** A failure in a few words that may be shown to everybody. */
export function reasonText(error: unknown, place: string): string {
  if (error instanceof StoreGoneError) return error.message;
  const reason = reasonOf(error);
  const isRemote = /^https?:/.test(place);
  return reason === "failed" && isRemote ? "it cannot be reached" : TEXTS[reason];
}

/** A failure in one line for the person who starts the server. */
export function storeFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    const right = /--allow-\w+/.exec(error.message)?.[0] ?? "the permission";
    return `Deno was not given ${right} for it`;
  }
  if (error instanceof Deno.errors.NotFound) return "no such file or folder";
  switch (reasonOf(error)) {
    case "not_a_folder":
      return "it is not a folder";
    case "denied":
      return "permission denied";
    case "full":
      return "the disk is full";
    case "read_only":
      return "it can be read but not written";
    default:
      return messageOf(error);
  }
}

function isNoFolder(error: unknown): boolean {
  return error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.AlreadyExists;
}
