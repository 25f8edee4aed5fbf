import gstwebrtc from "npm:gstwebrtc-api@3.0.0/dist/gstwebrtc-api-3.0.0.min.js" with {
  type: "text",
};
import peerjs from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import regenerator from "npm:regenerator-runtime@0.13.11/runtime.js" with { type: "text" };
import connection from "npm:rtcpool@3.0.2/bin/connection.js" with { type: "text" };
import index from "npm:rtcpool@3.0.2/bin/index.js" with { type: "text" };
import media from "npm:rtcpool@3.0.2/bin/media.js" with { type: "text" };
import pool from "npm:rtcpool@3.0.2/bin/pool.js" with { type: "text" };
import signalling from "npm:rtcpool@3.0.2/bin/signalling.js" with { type: "text" };
import util from "npm:rtcpool@3.0.2/bin/util.js" with { type: "text" };
import linker from "./clients/linker.js" with { type: "text" };

/** The clients' scripts for browsers, as npm has them. */
export const LIBRARIES: Readonly<Record<string, string>> = {
  "gstwebrtc-api": gstwebrtc,
  peerjs,
  rtcpool: linked("rtcpool", { connection, index, media, pool, signalling, util }),
};

/**
 * One script of CommonJS modules: rtcpool has no build for browsers. Its modules stand unchanged in
 * functions that get their `require` from linker.js.
 */
function linked(name: string, modules: Readonly<Record<string, string>>): string {
  const functions = Object.entries(modules).map(([file, text]) =>
    `"./${file}": function (require, module, exports) {\n${text}\n}`
  );
  return `${regenerator}\n${linker}\nglobalThis.${name} = link({\n${functions.join(",\n")}\n});\n`;
}
