import type { ErrorCode } from "../../../src/core/errors.ts";

/** A new code does not compile until it stands here, and so in every test that goes through all. */
const ALL: Record<ErrorCode, true> = {
  bad_frame: true,
  bad_greeting: true,
  not_json: true,
  binary_frame: true,
  action_unknown: true,
  target_missing: true,
  room_missing: true,
  room_unknown: true,
  already_joined: true,
  not_joined: true,
  description_invalid: true,
  description_too_large: true,
  not_allowed: true,
  frame_too_large: true,
  rate_limited: true,
  flooding: true,
  not_identified: true,
  credentials_missing: true,
  credentials_wrong: true,
  id_invalid: true,
  id_taken: true,
  id_not_issued: true,
  peers_full: true,
  peer_unknown: true,
  peer_busy: true,
  peer_elsewhere: true,
  room_invalid: true,
  room_full: true,
  rooms_full: true,
  server_full: true,
  address_full: true,
  address_rate: true,
  origin_forbidden: true,
  address_banned: true,
  instance_unknown: true,
  instances_full: true,
  queue_full: true,
  field_reserved: true,
  internal: true,
};

/** Every reason for a refusal. */
// `Object.keys` forgets the type of what are all keys of the record.
export const ERROR_CODES = Object.keys(ALL) as readonly ErrorCode[];
