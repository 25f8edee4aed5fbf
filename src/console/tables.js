/* The tabs: where their rows come from, the columns, and the acts on a row. */
import { segment } from "./api.js";
import { bytes, number, plain, time } from "./format.js";

const text = (key, label) => ({ label, of: (row) => plain(row[key]) });
const count = (key, label) => ({ label, of: (row) => number(row[key]), isNumber: true });
const moment = (key, label) => ({ label, of: (row) => time(row[key]) });

/**
 * @typedef Tab
 * @property name Its title
 * @property path Below the API's base
 * @property searches Whether the server searches by `q`; otherwise the loaded rows are
 * @property stale Events after which its rows are old
 * @property keyOf A row's identity
 * @property detail Path of everything about a row; undefined where the row is everything
 * @property acts Names of what can be done with a row
 */

/** The tabs in their order. */
export const TABS = [
  {
    name: "Peers",
    path: "peers",
    searches: true,
    stale: ["peer.", "room.joined", "room.left", "call."],
    keyOf: ({ dialect, id }) => `${dialect} ${id}`,
    detail: ({ dialect, id }) => `peers/${dialect}/${segment(id)}`,
    acts: ["kick", "ban"],
    columns: [
      text("id", "Id"),
      text("dialect", "Protocol"),
      text("user", "User"),
      text("address", "Address"),
      { label: "Rooms", of: ({ rooms }) => rooms?.join(", ") || "–" },
      count("calls", "Calls"),
      moment("connectedAt", "Connected"),
      count("framesReceived", "Received"),
      count("framesSent", "Sent"),
    ],
  },
  {
    name: "Rooms",
    path: "rooms",
    searches: true,
    stale: ["room."],
    keyOf: ({ dialect, id }) => `${dialect} ${id}`,
    detail: ({ dialect, id }) => `rooms/${dialect}/${segment(id)}`,
    acts: ["stop"],
    columns: [
      text("id", "Room"),
      text("dialect", "Protocol"),
      count("members", "Members"),
      moment("startedAt", "Started"),
      { label: "Kept", of: ({ kept }) => kept ? "yes" : "no" },
      { label: "Info", of: ({ infoBytes }) => bytes(infoBytes), isNumber: true },
    ],
  },
  {
    name: "Calls",
    path: "calls",
    stale: ["call."],
    keyOf: ({ dialect, id }) => `${dialect} ${id}`,
    acts: [],
    columns: [
      text("id", "Id"),
      text("dialect", "Protocol"),
      text("from", "From"),
      text("to", "To"),
      moment("startedAt", "Started"),
    ],
  },
  {
    name: "Refusals",
    path: "refusals",
    stale: ["refusal"],
    keyOf: ({ at, address, connection, reason }) => `${at} ${address} ${connection} ${reason}`,
    acts: ["ban"],
    columns: [
      moment("at", "When"),
      text("reason", "Reason"),
      text("dialect", "Protocol"),
      text("address", "Address"),
      text("user", "User"),
      count("count", "Times"),
    ],
  },
  {
    name: "Bans",
    path: "bans",
    stale: ["operator"],
    keyOf: ({ kind, value }) => `${kind} ${value}`,
    acts: ["lift"],
    columns: [
      text("value", "Value"),
      text("kind", "Kind"),
      text("reason", "Reason"),
      moment("expiresAt", "Until"),
    ],
  },
  {
    name: "Ids",
    path: "ids",
    stale: ["operator"],
    keyOf: ({ dialect, id }) => `${dialect} ${id}`,
    acts: [],
    columns: [text("id", "Id"), text("dialect", "Protocol"), moment("expiresAt", "Until")],
  },
  {
    name: "Log",
    path: "log",
    stale: ["operator"],
    keyOf: ({ at, actor, action, subject }) => `${at} ${actor} ${action} ${subject}`,
    acts: [],
    columns: [
      moment("at", "When"),
      text("actor", "Actor"),
      text("action", "Action"),
      text("subject", "Subject"),
      text("outcome", "Outcome"),
      text("reason", "Reason"),
    ],
  },
  {
    name: "Settings",
    path: "config",
    stale: [],
    isWhole: true,
    keyOf: ({ option }) => option,
    acts: [],
    columns: [
      text("option", "Option"),
      {
        label: "Value",
        of: ({ isSecret, isSet, value }) => isSecret ? (isSet ? "set" : "not set") : plain(value),
      },
      text("source", "Source"),
    ],
  },
];
