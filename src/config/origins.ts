import * as z from "zod";

const EXAMPLE = "expected an origin such as https://app.example.org";
/** An app's origin: its scheme, in lower case as clients send it, and perhaps a host. */
const APP = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]*$/;
/** Chrome writes an extension's id with 32 of these letters. */
const EXTENSION = /^chrome-extension:\/\/[a-p]{32}$/;

/**
 * An origin as clients send it: of a page (`https://app.example.org`), of all subdomains
 * (`https://*.example.org`), of an app (`capacitor://localhost`), `null`, or `*` for every origin.
 */
export const originOption = z.string().superRefine((text, context) => {
  const fault = faultOf(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault, input: text });
});

/** Explains why an origin could never match; undefined if it can. */
function faultOf(text: string): string | undefined {
  if (text === "null" || text === "*") return undefined;
  if (/^https?:/i.test(text)) return faultOfPage(text);
  // The address of a WebSocket is no origin: its page has one of http or https.
  if (/^wss?:/i.test(text)) {
    const page = text.replace(/^ws/i, "http");
    return faultOfPage(page) ?? `${EXAMPLE}: browsers send ${page}`;
  }
  if (!APP.test(text)) return EXAMPLE;
  const isExtension = text.startsWith("chrome-extension:");
  return isExtension && !EXTENSION.test(text)
    ? "expected chrome-extension:// and an id of 32 letters from a to p"
    : undefined;
}

function faultOfPage(text: string): string | undefined {
  // A wildcard stands for one or more labels before a domain, and nowhere else.
  const isWild = text.includes("*");
  const bare = text.replace("://*.", "://");
  if (bare.includes("*") || !URL.canParse(bare)) {
    return isWild
      ? "expected an origin with * only before its domain, as in https://*.example.org"
      : EXAMPLE;
  }
  const { hostname, origin } = new URL(bare);
  if (isWild && /^\[|^[\d.]+$/.test(hostname)) {
    return "expected an origin without * before an IP address";
  }
  if (bare === origin) return undefined;
  const sent = isWild ? origin.replace("://", "://*.") : origin;
  return `${EXAMPLE}: browsers send ${sent}`;
}
