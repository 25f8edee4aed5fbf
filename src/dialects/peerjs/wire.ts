import { type Refusal, wordRefusals } from "../kit/refusal.ts";
import { encodeExpire, encodeRefusal } from "./messages.ts";

const bare = { close: "bare" } as const;

/** A refusal of the connection: a text and a close without a status. Clients read the text only (§4). */
function atTheDoor(msg: string): Refusal {
  return { frame: () => encodeRefusal("ERROR", msg), ...bare };
}

/** The same in the words of the refusal. */
const IN_WORDS: Refusal = {
  frame: ({ message }) => encodeRefusal("ERROR", message),
  ...bare,
};

const SILENT: Refusal = {};

/**
 * The answer to each refusal. Silence answers everything that the original server ignores: a malformed
 * message does not end the connection (§9.3), and the protocol has no words for the rest.
 */
export const WIRE = wordRefusals<Refusal>({
  frame: SILENT,
  rate: SILENT,
  identity: SILENT,
  peer: SILENT,
  room: SILENT,
  capacity: SILENT,
  description: SILENT,
  policy: SILENT,
  door: SILENT,
  fault: { frame: () => encodeRefusal("ERROR", "Internal server error") },
}, {
  credentials_missing: IN_WORDS,
  credentials_wrong: IN_WORDS,
  credentials_expired: IN_WORDS,
  auth_unavailable: IN_WORDS,
  dialect_forbidden: IN_WORDS,
  id_forbidden: IN_WORDS,
  login_expired: IN_WORDS,
  id_taken: { frame: () => encodeRefusal("ID-TAKEN", "ID is taken"), ...bare },
  id_invalid: atTheDoor("Id is too long"),
  id_not_issued: atTheDoor("Id was not issued by this server"),
  unavailable: atTheDoor("Server is not available, try again"),
  peers_full: atTheDoor("Server has reached its concurrent user limit"),
  server_full: atTheDoor("Server has reached its connection limit"),
  address_full: atTheDoor("Too many connections from this address"),
  address_rate: atTheDoor("Too many new connections from this address"),
  origin_forbidden: atTheDoor("Origin is not allowed"),
  address_banned: atTheDoor("This address is banned"),
  kicked: atTheDoor("Kicked"),
  not_identified: atTheDoor("Registration took too long"),
  untranslatable: {
    frame: ({ details: { absent, sender } }) => encodeExpire(String(absent), String(sender)),
  },
  // The client reports the text and disconnects from the server; its calls continue.
  rate_limited: { frame: () => encodeRefusal("ERROR", "Too many messages") },
});
