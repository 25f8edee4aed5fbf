import { X509Certificate } from "node:crypto";
import type { Facts } from "../../observe/log.ts";
import { isoTime } from "../../system/clock.ts";
import { certificatesIn } from "./tls_fault.ts";

/** A log line about certificates that can be served and that clients may refuse. */
export interface CertificateWarning {
  readonly what: string;
  /** `place` counts the certificates of the file from 1, which is the server's own. */
  readonly facts: Facts;
}

/** Judges the certificates of a PEM file by their times and their order. */
export function certificateWarnings(
  file: string,
  pem: string,
  nowMs: number,
): readonly CertificateWarning[] {
  const chain = certificatesIn(pem).map(read);
  const ofEach = chain.flatMap((one, at) => {
    const warning = ofOne(one, nowMs);
    return warning === undefined ? [] : [at === 0 ? warning : placed(warning, at)];
  });
  const warnings = [...ofEach, ...ofOrder(chain)];
  return warnings.map(({ what, facts }) => ({ what, facts: { file, ...facts } }));
}

function ofOne(one: X509Certificate | undefined, nowMs: number): CertificateWarning | undefined {
  if (one === undefined) return { what: "certificate cannot be read", facts: {} };
  const [from, to] = [Date.parse(one.validFrom), Date.parse(one.validTo)];
  if (to < nowMs) return { what: "certificate has expired", facts: { at: isoTime(to) } };
  if (from <= nowMs) return undefined;
  return { what: "certificate is not valid yet", facts: { from: isoTime(from) } };
}

/** Warns of the first certificate that is not the issuer of the one before it. */
function ofOrder(chain: readonly (X509Certificate | undefined)[]): CertificateWarning[] {
  const at = chain.findIndex((one, at) => {
    const before = chain[at - 1];
    return one !== undefined && before !== undefined && before.issuer !== one.subject;
  });
  if (at < 0) return [];
  const issuer = chain[at - 1]?.issuer;
  const isElsewhere = chain.some((one, place) => place !== at - 1 && one?.subject === issuer);
  const what = isElsewhere
    ? "certificate chain is in the wrong order"
    : "certificate did not issue the one before it";
  return [placed({ what, facts: {} }, at)];
}

function placed({ what, facts }: CertificateWarning, at: number): CertificateWarning {
  return { what, facts: { place: at + 1, ...facts } };
}

function read(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}
