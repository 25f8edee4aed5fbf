/** Keys by their names in `KeyboardEvent.key`, with the numbers that each browser's protocol wants. */
const KEYS = {
  " ": { code: 32, driver: " ", text: " " },
  Tab: { code: 9, driver: "\uE004" },
  Enter: { code: 13, driver: "\uE007", text: "\r" },
  Escape: { code: 27, driver: "\uE00C" },
  End: { code: 35, driver: "\uE010" },
  Home: { code: 36, driver: "\uE011" },
  ArrowLeft: { code: 37, driver: "\uE012" },
  ArrowRight: { code: 39, driver: "\uE014" },
} as const;

/** A key without a character of its own. */
export type NamedKey = keyof typeof KEYS;

/** Parameters of `Input.dispatchKeyEvent` in the DevTools protocol, for a key or a character. */
export function devToolsKey(key: string): Record<string, unknown> {
  const named = namedKey(key);
  if (named === undefined) return { key, text: key };
  const text = "text" in named ? { text: named.text } : {};
  return { key, code: key, windowsVirtualKeyCode: named.code, ...text };
}

/** The character by which WebDriver names a key. */
export function driverKey(key: string): string {
  return namedKey(key)?.driver ?? key;
}

function namedKey(key: string): (typeof KEYS)[NamedKey] | undefined {
  return Object.entries(KEYS).find(([name]) => name === key)?.[1];
}
