/** The addresses that a server has logged so far, in the order of its listeners. */
export function listeningUrls(log: string): string[] {
  return [...log.matchAll(/ INF listening url=(\S+).*\n/g)].map(([, url = ""]) => url);
}
