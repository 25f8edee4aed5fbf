import { SignalError } from "../../core/errors.ts";
import { jsonBytes } from "../kit/json.ts";

/** A candidate as it was published; its other members pass through unread. */
export interface PublishedCandidate {
  readonly candidate: string;
}

/** The published description and candidates of one instance. */
export interface PublishedInstance {
  readonly sdp: string;
  readonly ice: readonly PublishedCandidate[];
  readonly bytes: number;
}

/** Custom fields by name. */
interface Fields {
  readonly values: ReadonlyMap<string, unknown>;
  readonly bytes: number;
}

/** A peer's own description (§3). It is never changed in place: a refused change has no effect. */
export interface Profile {
  /** The fields of its client, and those of the server, which win. */
  readonly fields: Fields;
  readonly serverFields: Fields;
  /** By instance number; undefined for a free one. The last one is in use. */
  readonly instances: readonly (PublishedInstance | undefined)[];
}

/** A change that a client asks for; absent parts stay as they are. */
export interface ProfileChange {
  readonly peer?: Readonly<Record<string, unknown>> | undefined;
  readonly sdp?: string | undefined;
  readonly peer_ice?: readonly PublishedCandidate[] | undefined;
}

/** The reason for which a profile or a change is not acceptable. */
export interface Objection {
  readonly code:
    | "description_too_large"
    | "description_invalid"
    | "field_reserved"
    | "not_allowed";
  readonly words: string;
}

export interface ProfileLimits {
  readonly maxFields: number;
  readonly maxFieldsBytes: number;
  readonly maxFieldNameLength: number;
  readonly maxCandidates: number;
  /** Bytes of everything that a peer publishes, as JSON: every member receives all of it. */
  readonly maxDescriptionBytes: number;
}

/** Fields that a token gives its holder; undefined for none. */
export type TokenInfo = Readonly<Record<string, unknown>> | undefined;

/** One entry of `peer_instances`. */
export interface PeerInstance {
  readonly sdp: string;
}

/** A peer as others see it, on the wire and in the hub; custom fields stand beside these. */
export interface PeerDescription {
  readonly peer_id: string;
  readonly peer_instances: readonly PeerInstance[];
  readonly peer_ice: readonly (PublishedCandidate & { readonly peer_instance: number })[];
}

const NO_PUBLICATION: PublishedInstance = { sdp: "", ice: [], bytes: 0 };
const NO_FIELDS: Fields = { values: new Map(), bytes: 0 };
/** A peer that has said nothing and has no instance. */
export const NO_PROFILE: Profile = { fields: NO_FIELDS, serverFields: NO_FIELDS, instances: [] };
const UNSAFE_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** True if the outcome of a check is an objection. */
export function isObjection(outcome: object): outcome is Objection {
  return "code" in outcome;
}

/** Refuses the client if there is an objection. */
export function accepted<Outcome extends object>(
  outcome: Outcome | Objection,
): Exclude<Outcome, Objection> {
  if (isObjection(outcome)) throw new SignalError(outcome.code, outcome.words);
  return outcome as Exclude<Outcome, Objection>; // all that is left
}

/** The number that the next instance gets: the lowest free one. */
export function freeNumber({ instances }: Profile): number {
  const free = instances.indexOf(undefined);
  return free === -1 ? instances.length : free;
}

/**
 * The list with a value at a place, which is its end at most; a list that is written beyond its end
 * would take room for seventeen.
 */
export function placed<T>(list: readonly T[], place: number, value: T): T[] {
  return place < list.length ? list.with(place, value) : list.concat([value]);
}

/** The profile after a change by one of its instances, which is added if it is new. */
export function changed(
  profile: Profile,
  number: number,
  change: ProfileChange,
  limits: ProfileLimits,
): Profile | Objection {
  const old = profile.instances[number] ?? NO_PUBLICATION;
  const publication = published(old, change, limits);
  if (isObjection(publication)) return publication;
  const instances = placed(profile.instances, number, publication);
  if (change.peer === undefined) return bounded({ ...profile, instances }, limits);
  for (const [name, value] of Object.entries(change.peer)) {
    const { values } = profile.serverFields;
    if (values.has(name) && !isSame(value, values.get(name))) {
      return { code: "not_allowed", words: `${name} is the server's to set` };
    }
  }
  const fields = withFields(profile.fields, change.peer, limits);
  return isObjection(fields) ? fields : bounded({ ...profile, instances, fields }, limits);
}

/** The profile with other fields of the server's. */
export function withServerFields(
  profile: Profile,
  fields: Readonly<Record<string, unknown>>,
  limits: ProfileLimits,
): Profile | Objection {
  const serverFields = withFields(NO_FIELDS, fields, limits);
  return isObjection(serverFields) ? serverFields : bounded({ ...profile, serverFields }, limits);
}

/** The fields that others see differently, null for those that are gone; undefined for none. */
export function difference(
  old: Profile,
  fresh: Profile,
): Readonly<Record<string, unknown>> | undefined {
  const [before, after] = [seen(old), seen(fresh)];
  const changes = [...new Map([...before, ...after]).keys()]
    .filter((name) => !isSame(before.get(name), after.get(name)))
    .map((name) => [name, after.get(name) ?? null]);
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/** The profile without one of its instances. */
export function without(profile: Profile, number: number): Profile {
  const instances = profile.instances.with(number, undefined);
  while (instances.length > 0 && instances.at(-1) === undefined) instances.pop();
  return { ...profile, instances };
}

/** The size of a profile, in bytes. */
export function sizeOf({ fields, serverFields, instances }: Profile): number {
  const bytes = fields.bytes + serverFields.bytes;
  return instances.reduce((sum, instance) => sum + (instance?.bytes ?? 0), bytes);
}

/** A profile as others see it. */
export function describe(id: string, profile: Profile): PeerDescription {
  const ice = profile.instances.flatMap((instance, peer_instance) =>
    (instance?.ice ?? []).map((candidate) => ({ ...candidate, peer_instance }))
  );
  return {
    ...Object.fromEntries(seen(profile)),
    peer_id: id,
    peer_instances: peerInstances(profile),
    peer_ice: ice,
  };
}

export function peerInstances({ instances }: Profile): PeerInstance[] {
  return instances.map((instance) => ({ sdp: instance?.sdp ?? "" }));
}

/**
 * The real change of a join: a client that comes back often repeats its fields (§6), and the server's
 * own fields win over its (§3). Undefined if nothing changes.
 */
export function effective(
  profile: Profile,
  number: number,
  change: ProfileChange,
  limits: ProfileLimits,
): ProfileChange | Objection | undefined {
  const { sdp, ice } = profile.instances[number] ?? NO_PUBLICATION;
  const { peer_ice = [] } = change;
  const objection = overCount(peer_ice, limits) ?? badName(change.peer ?? {}, limits);
  if (objection !== undefined) return objection;
  const peer = Object.entries(change.peer ?? {}).filter(([name, value]) =>
    !isSame(value ?? undefined, profile.fields.values.get(name)) &&
    !profile.serverFields.values.has(name)
  );
  const known = new Set(change.sdp === undefined ? ice.map((one) => JSON.stringify(one)) : []);
  const fresh = peer_ice.filter((one) => !known.has(JSON.stringify(one)));
  const isSdpNew = change.sdp !== undefined && (change.sdp !== sdp || !isSame(fresh, ice));
  const isIceNew = fresh.length > 0 && (change.sdp === undefined || isSdpNew);
  if (peer.length === 0 && !isSdpNew && !isIceNew) return undefined;
  return {
    peer: peer.length > 0 ? Object.fromEntries(peer) : undefined,
    sdp: isSdpNew ? change.sdp : undefined,
    peer_ice: isIceNew ? fresh : undefined,
  };
}

/** A new description forgets the candidates of the old one (§4). */
function published(
  old: PublishedInstance,
  { sdp, peer_ice }: ProfileChange,
  limits: ProfileLimits,
): PublishedInstance | Objection {
  if (sdp === undefined && peer_ice === undefined) return old;
  const kept = sdp === undefined ? old.ice : [];
  const ice = peer_ice === undefined ? kept : [...kept, ...peer_ice];
  const objection = overCount(ice, limits);
  if (objection !== undefined) return objection;
  const text = sdp ?? old.sdp;
  return { sdp: text, ice, bytes: text === "" && ice.length === 0 ? 0 : jsonBytes([text, ice]) };
}

function bounded(profile: Profile, { maxDescriptionBytes }: ProfileLimits): Profile | Objection {
  if (sizeOf(profile) <= maxDescriptionBytes) return profile;
  return tooLarge(`More than ${maxDescriptionBytes} bytes of one peer's description`);
}

/** The fields that others see: the server's win. */
function seen({ fields, serverFields }: Profile): ReadonlyMap<string, unknown> {
  if (serverFields.values.size === 0) return fields.values;
  return new Map([...fields.values, ...serverFields.values]);
}

function withFields(
  old: Fields,
  change: Readonly<Record<string, unknown>>,
  limits: ProfileLimits,
): Fields | Objection {
  const objection = badName(change, limits);
  if (objection !== undefined) return objection;
  const fields = new Map(old.values);
  for (const [name, value] of Object.entries(change)) {
    if (value === null) fields.delete(name);
    else fields.set(name, value);
  }
  const bytes = fields.size === 0 ? 0 : jsonBytes(Object.fromEntries(fields));
  if (fields.size > limits.maxFields || bytes > limits.maxFieldsBytes) {
    const { maxFields, maxFieldsBytes } = limits;
    return tooLarge(`More than ${maxFields} fields or ${maxFieldsBytes} bytes of custom fields`);
  }
  return { values: fields, bytes };
}

function overCount(
  ice: readonly PublishedCandidate[],
  { maxCandidates }: ProfileLimits,
): Objection | undefined {
  if (ice.length > maxCandidates) return tooLarge(`More than ${maxCandidates} candidates`);
}

/** The objection to the first invalid name among fields. */
function badName(
  fields: Readonly<Record<string, unknown>>,
  { maxFieldNameLength }: ProfileLimits,
): Objection | undefined {
  for (const name of Object.keys(fields)) {
    const shown = name.slice(0, maxFieldNameLength);
    if (name.startsWith("peer_")) return { code: "field_reserved", words: `${shown} is reserved` };
    if (UNSAFE_NAMES.has(name)) return invalid(`${shown} is unsafe`);
    if (name === "" || name.length > maxFieldNameLength) {
      return invalid(`A field's name is not 1 to ${maxFieldNameLength} characters: "${shown}"`);
    }
  }
}

function tooLarge(words: string): Objection {
  return { code: "description_too_large", words };
}

function invalid(words: string): Objection {
  return { code: "description_invalid", words };
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
