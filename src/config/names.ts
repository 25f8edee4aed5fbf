/** An option's flag without the dashes: "peerjs-allow-discovery". */
export function flagOf(path: readonly string[]): string {
  const words = path.map((part) => part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  return words.join("-");
}

/** An option's variable: "SIGNALBOX_PEERJS_ALLOW_DISCOVERY". */
export function variableOf(path: readonly string[]): string {
  return `SIGNALBOX_${flagOf(path).replaceAll("-", "_").toUpperCase()}`;
}
