import * as z from "zod";

/** A URL that the server sends requests to. */
export const webUrl = z.string().refine(isWebUrl, "expected an http or https URL");

function isWebUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}
