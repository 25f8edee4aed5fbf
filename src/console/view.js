/* The libraries that draw the page, from where the server has them. */

const at = (name) => import(new URL(`lib/${name}`, import.meta.url));
const [preact, hooks, { default: htm }] = await Promise.all(
  ["preact.js", "hooks.js", "htm.js"].map(at),
);

export const { render } = preact;
export const { useEffect, useMemo, useRef, useState } = hooks;
/** The templates of all parts: htm's syntax over preact's elements. */
export const html = htm.bind(preact.h);
