import array from "npm:lib0@0.2.120/array.js" with { type: "text" };
import binary from "npm:lib0@0.2.120/binary.js" with { type: "text" };
import broadcastchannel from "npm:lib0@0.2.120/broadcastchannel.js" with { type: "text" };
import buffer from "npm:lib0@0.2.120/buffer.js" with { type: "text" };
import conditions from "npm:lib0@0.2.120/conditions.js" with { type: "text" };
import decoding from "npm:lib0@0.2.120/decoding.js" with { type: "text" };
import encoding from "npm:lib0@0.2.120/encoding.js" with { type: "text" };
import environment from "npm:lib0@0.2.120/environment.js" with { type: "text" };
import error from "npm:lib0@0.2.120/error.js" with { type: "text" };
import fn from "npm:lib0@0.2.120/function.js" with { type: "text" };
import iterator from "npm:lib0@0.2.120/iterator.js" with { type: "text" };
import map from "npm:lib0@0.2.120/map.js" with { type: "text" };
import math from "npm:lib0@0.2.120/math.js" with { type: "text" };
import metric from "npm:lib0@0.2.120/metric.js" with { type: "text" };
import mutex from "npm:lib0@0.2.120/mutex.js" with { type: "text" };
import number from "npm:lib0@0.2.120/number.js" with { type: "text" };
import object from "npm:lib0@0.2.120/object.js" with { type: "text" };
import observable from "npm:lib0@0.2.120/observable.js" with { type: "text" };
import promise from "npm:lib0@0.2.120/promise.js" with { type: "text" };
import random from "npm:lib0@0.2.120/random.js" with { type: "text" };
import set from "npm:lib0@0.2.120/set.js" with { type: "text" };
import storage from "npm:lib0@0.2.120/storage.js" with { type: "text" };
import string from "npm:lib0@0.2.120/string.js" with { type: "text" };
import time from "npm:lib0@0.2.120/time.js" with { type: "text" };
import websocket from "npm:lib0@0.2.120/websocket.js" with { type: "text" };
import webcrypto from "npm:lib0@0.2.120/webcrypto" with { type: "text" };
import simplePeer from "npm:simple-peer@9.11.1/simplepeer.min.js" with { type: "text" };
import awareness from "npm:y-protocols@1.0.7/awareness.js" with { type: "text" };
import sync from "npm:y-protocols@1.0.7/sync.js" with { type: "text" };
import provider from "npm:y-webrtc@10.3.0" with { type: "text" };
import yjs from "npm:yjs@13.6.33" with { type: "text" };
import crypto from "./clients/yjs/crypto.js" with { type: "text" };
import equality from "./clients/yjs/equality.js" with { type: "text" };
import logging from "./clients/yjs/logging.js" with { type: "text" };

const LIB0 = {
  array,
  binary,
  broadcastchannel,
  buffer,
  conditions,
  decoding,
  encoding,
  environment,
  error,
  function: fn,
  iterator,
  map,
  math,
  metric,
  mutex,
  number,
  object,
  observable,
  promise,
  random,
  set,
  storage,
  string,
  time,
  websocket,
  webcrypto,
  logging,
  equality,
};

/**
 * The modules of Yjs and y-webrtc by their file's name. npm has no build of them for browsers, so each
 * is served as it is, and only the names of its imports become files. Three modules that their
 * packages do not export are ours: no password, no log.
 */
export const YJS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...Object.fromEntries(Object.entries(LIB0).map(([name, text]) => [`lib0-${name}`, text])),
    "y-protocols-sync": sync,
    "y-protocols-awareness": awareness,
    "simple-peer": asModule(simplePeer),
    "y-webrtc": provider,
    "y-webrtc-crypto": crypto,
    yjs,
  }).map(([name, text]) => [`${name}.js`, renamed(name, text)]),
);

/** A CommonJS script as a module. */
function asModule(text: string): string {
  return `const module = { exports: {} };\nconst { exports } = module;\n${text}\n` +
    "export default module.exports;\n";
}

/** A module whose imports are files beside it. */
function renamed(name: string, text: string): string {
  const [, family = ""] = /^(lib0|y-protocols|y-webrtc)/.exec(name) ?? [];
  return text.replace(
    /^((?:import|export)\s[\w$*{},\s]*?\bfrom )(['"])([^'"]+)\2/gm,
    (_, words, quote, target) => `${words}${quote}./${fileOf(family, target)}${quote}`,
  );
}

/** The file of an import such as `lib0/map`, `./map.js` or `simple-peer/simplepeer.min.js`. */
function fileOf(family: string, target: string): string {
  if (target.startsWith("simple-peer/")) return "simple-peer.js";
  const path = target.replace(/\.js$/, "").replace("./trait/", "./");
  return `${path.replace(/^\.\//, `${family}-`).replace("/", "-")}.js`;
}
