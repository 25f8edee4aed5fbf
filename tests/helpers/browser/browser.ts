/** A headless browser with a profile of its own and a fake camera and microphone. */
export interface Browser extends AsyncDisposable {
  readonly name: "chromium" | "firefox";
  /** Such as "Chrome/130.0.6723.58" or "firefox/153.8.0". */
  readonly version: string;
  /** Opens a window and waits until the page has loaded. */
  newPage(url: string): Promise<Page>;
}

export interface BrowserOptions {
  /** Accepts self-signed certificates. */
  ignoreHTTPSErrors?: boolean;
}

/** One page, whose global functions a test calls by name. */
export interface Page {
  /** Calls a function of the page with JSON values and returns what it or its promise returns. */
  call<T>(name: string, ...args: unknown[]): Promise<T>;
  /** The value of an expression, awaited if it is a promise; undefined if JSON cannot hold it. */
  evaluate(expression: string): Promise<unknown>;
  /** Presses keys one after the other: named ones such as "Tab", or single characters. */
  press(...keys: readonly string[]): Promise<void>;
  reload(): Promise<void>;
  close(): Promise<void>;
}
