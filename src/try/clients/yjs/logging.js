// Stands in for lib0's log, of which a part is not exported. Warnings go to the console.

const silent = () => {};

export const createModuleLogger = () => silent;
export const print = silent;
// deno-lint-ignore no-console -- Yjs warns of mistakes in a page
export const warn = (...words) => console.warn(...words);

/** Colours of the log. */
export const BOLD = "";
export const UNBOLD = "";
export const GREY = "";
export const ORANGE = "";
export const RED = "";
export const UNCOLOR = "";
