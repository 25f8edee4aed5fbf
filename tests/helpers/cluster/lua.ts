// Runs Lua as Redis does, as far as this server's scripts need it.
import { createHash } from "node:crypto";
import { LUA_REGISTRYINDEX, LuaReturn, LuaType, LuaWasm } from "wasmoon";

/** A value that a script passes to `redis.call`, or gets from it. */
export type LuaValue = string | number | false | readonly LuaValue[] | Status;

/** An answer that is one word, or a refusal, as scripts see it. */
export class Status {
  constructor(readonly field: "ok" | "err", readonly word: string) {}
}

/** The functions of Lua's library in C that this file calls, with addresses for texts. */
interface LuaModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
  addFunction(call: (state: number) => number, signature: "ii"): number;
  stringToNewUTF8(text: string): number;
  _malloc(bytes: number): number;
  _free(address: number): void;
  _lua_createtable(state: number, length: number, fields: number): void;
  _lua_error(state: number): number;
  _lua_gettop(state: number): number;
  _lua_pcallk(
    state: number,
    args: number,
    results: number,
    handler: number,
    context: number,
    continuation: number,
  ): number;
  _lua_pushboolean(state: number, value: number): void;
  _lua_pushcclosure(state: number, call: number, upvalues: number): void;
  _lua_pushlstring(state: number, address: number, bytes: number): number;
  _lua_pushnumber(state: number, value: number): void;
  _lua_rawgeti(state: number, index: number, at: bigint): number;
  _lua_rawlen(state: number, index: number): number;
  _lua_rawseti(state: number, index: number, at: bigint): void;
  _lua_setfield(state: number, index: number, name: number): void;
  _lua_setglobal(state: number, name: number): void;
  _lua_settop(state: number, index: number): void;
  _lua_tolstring(state: number, index: number, length: number): number;
  _lua_tonumberx(state: number, index: number, isNumber: number): number;
  _lua_type(state: number, index: number): LuaType;
  _luaL_loadbufferx(
    state: number,
    address: number,
    bytes: number,
    name: number,
    mode: number,
  ): number;
  _luaL_newstate(): number;
  _luaL_openlibs(state: number): void;
  _luaL_ref(state: number, table: number): number;
}

const { module } = await LuaWasm.initialize();
// The package declares a part of what its module has.
const lua = module as unknown as LuaModule;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Texts that are shorter are copied here, one at a time. */
const SCRATCH_BYTES = 65_536;
const scratch = lua._malloc(SCRATCH_BYTES);
/** The length of a text that Lua returns. */
const textLength = lua._malloc(4);

/** Carries out one `redis.call` of a script. */
type RedisCall = (args: readonly string[]) => LuaValue;

/** One interpreter, in which the texts of scripts are compiled once. */
export class LuaScripts {
  readonly #state = lua._luaL_newstate();
  readonly #argv = lua.stringToNewUTF8("ARGV");
  readonly #compiled = new Map<string, bigint>();
  #call: RedisCall = () => false;

  constructor() {
    const state = this.#state;
    lua._luaL_openlibs(state);
    lua._lua_createtable(state, 0, 3);
    this.#define("call", (inner) => {
      const answer = this.#answer(inner);
      push(inner, answer);
      if (!(answer instanceof Status) || answer.field === "ok") return 1;
      push(inner, answer.word);
      return lua._lua_error(inner);
    });
    this.#define("pcall", (inner) => {
      push(inner, this.#answer(inner));
      return 1;
    });
    this.#define("sha1hex", (inner) => {
      push(inner, createHash("sha1").update(textAt(inner, 1)).digest("hex"));
      return 1;
    });
    lua._lua_setglobal(state, lua.stringToNewUTF8("redis"));
  }

  /** Adds a function to the table on top. It returns the number of its results. */
  #define(name: string, call: (state: number) => number): void {
    lua._lua_pushcclosure(this.#state, lua.addFunction(call, "ii"), 0);
    lua._lua_setfield(this.#state, -2, lua.stringToNewUTF8(name));
  }

  /** Runs a text with arguments, and returns what it returns. */
  run(text: string, args: readonly string[], call: RedisCall): LuaValue {
    const state = this.#state;
    this.#call = call;
    try {
      push(state, args);
      lua._lua_setglobal(state, this.#argv);
      lua._lua_rawgeti(state, LUA_REGISTRYINDEX, this.#compile(text));
      const code = lua._lua_pcallk(state, 0, 1, 0, 0, 0);
      if (code !== LuaReturn.Ok) throw new Error(textAt(state, -1));
      return read(state, -1);
    } finally {
      lua._lua_settop(state, 0);
    }
  }

  #answer(state: number): LuaValue {
    const args: string[] = [];
    const count = lua._lua_gettop(state);
    for (let index = 1; index <= count; index++) args.push(textAt(state, index));
    try {
      return this.#call(args);
    } catch (error) {
      return new Status("err", error instanceof Error ? error.message : String(error));
    }
  }

  /** The reference of a compiled text. */
  #compile(text: string): bigint {
    const known = this.#compiled.get(text);
    if (known !== undefined) return known;
    const state = this.#state;
    const name = lua.stringToNewUTF8("script");
    const code = withBytes(text, (at, bytes) => lua._luaL_loadbufferx(state, at, bytes, name, 0));
    if (code !== LuaReturn.Ok) throw new Error(textAt(state, -1));
    const compiled = BigInt(lua._luaL_ref(state, LUA_REGISTRYINDEX));
    this.#compiled.set(text, compiled);
    return compiled;
  }
}

/** Calls a function with the address of a text and its length in bytes, which hold during the call. */
function withBytes<T>(text: string, use: (address: number, bytes: number) => T): T {
  const mostBytes = 3 * text.length;
  const isLong = mostBytes > SCRATCH_BYTES;
  const address = isLong ? lua._malloc(mostBytes) : scratch;
  try {
    const { written } = encoder.encodeInto(
      text,
      lua.HEAPU8.subarray(address, address + mostBytes),
    );
    return use(address, written);
  } finally {
    if (isLong) lua._free(address);
  }
}

function textAt(state: number, index: number): string {
  // A number becomes text as in Redis: without a fraction.
  if (lua._lua_type(state, index) === LuaType.Number) {
    return String(lua._lua_tonumberx(state, index, 0));
  }
  const address = lua._lua_tolstring(state, index, textLength);
  if (address === 0) throw new TypeError("Cannot pass such a value to a command");
  const length = lua.HEAPU32[textLength / 4] ?? 0;
  return decoder.decode(lua.HEAPU8.subarray(address, address + length));
}

function push(state: number, value: LuaValue): void {
  if (value === false) lua._lua_pushboolean(state, 0);
  else if (typeof value === "number") lua._lua_pushnumber(state, value);
  else if (typeof value === "string") {
    withBytes(value, (address, bytes) => lua._lua_pushlstring(state, address, bytes));
  } else if (value instanceof Status) {
    lua._lua_createtable(state, 0, 1);
    push(state, value.word);
    lua._lua_setfield(state, -2, lua.stringToNewUTF8(value.field));
  } else {
    lua._lua_createtable(state, value.length, 0);
    for (const [index, part] of value.entries()) {
      push(state, part);
      lua._lua_rawseti(state, -2, BigInt(index + 1));
    }
  }
}

function read(state: number, index: number): LuaValue {
  switch (lua._lua_type(state, index)) {
    case LuaType.Table: {
      const list: LuaValue[] = [];
      const length = lua._lua_rawlen(state, index);
      for (let at = 1; at <= length; at++) {
        lua._lua_rawgeti(state, index, BigInt(at));
        list.push(read(state, -1));
        lua._lua_settop(state, -2);
      }
      return list;
    }
    case LuaType.String:
    case LuaType.Number:
      return textAt(state, index);
    default:
      return false;
  }
}
