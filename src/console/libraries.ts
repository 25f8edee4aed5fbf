import preact from "npm:preact@10.29.8" with { type: "text" };
import hooks from "npm:preact@10.29.8/hooks" with { type: "text" };
import htm from "npm:htm@3.1.1" with { type: "text" };
import uplot from "npm:uplot@1.6.32/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "npm:uplot@1.6.32/dist/uPlot.min.css" with { type: "text" };

/**
 * The console's libraries as npm has them. Only the bare import of preact becomes a path: an import
 * map would be an inline script, which the page's policy forbids.
 */
export const LIBRARIES = {
  "preact.js": preact,
  "hooks.js": hooks.replace('from"preact"', 'from"./preact.js"'),
  "htm.js": htm,
  "uplot.js": uplot,
  "uplot.css": uplotStyle,
} as const;
