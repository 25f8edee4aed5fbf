/** A URL without its user and query, which may be secrets. */
export function publicUrl(url: string): string {
  return url.replace(/^(https?:\/\/)[^/?#]*@/i, "$1").replace(/[?#].*$/s, "");
}
