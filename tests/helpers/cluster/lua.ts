// Runs Lua as Redis does, as far as this server's scripts need it. The package has no types.
import { createHash } from "node:crypto";
import fengari from "fengari";

/** A value that a script passes to `redis.call`, or gets from it. */
export type LuaValue = string | number | false | readonly LuaValue[] | Status;

/** An answer that is one word, or a refusal, as scripts see it. */
export class Status {
  constructor(readonly field: "ok" | "err", readonly word: string) {}
}

// deno-lint-ignore no-explicit-any -- a virtual machine without types
const { lua, lauxlib, lualib, to_luastring, to_jsstring } = fengari as any;

/** Carries out one `redis.call` of a script. */
type RedisCall = (args: readonly string[]) => LuaValue;

/** One interpreter, in which the texts of scripts are compiled once. */
export class LuaScripts {
  readonly #state = lauxlib.luaL_newstate();
  readonly #compiled = new Map<string, number>();
  #call: RedisCall = () => false;

  constructor() {
    const state = this.#state;
    lualib.luaL_openlibs(state);
    lua.lua_newtable(state);
    for (const name of ["call", "pcall"]) {
      lua.lua_pushcfunction(state, (inner: unknown) => {
        const answer = this.#answer(inner);
        push(inner, answer);
        if (name === "pcall" || !(answer instanceof Status) || answer.field === "ok") return 1;
        push(inner, answer.word);
        return lua.lua_error(inner);
      });
      lua.lua_setfield(state, -2, to_luastring(name));
    }
    lua.lua_pushcfunction(state, (inner: unknown) => {
      push(inner, createHash("sha1").update(textAt(inner, 1)).digest("hex"));
      return 1;
    });
    lua.lua_setfield(state, -2, to_luastring("sha1hex"));
    lua.lua_setglobal(state, to_luastring("redis"));
  }

  /** Runs a text with arguments, and returns what it returns. */
  run(text: string, args: readonly string[], call: RedisCall): LuaValue {
    const state = this.#state;
    this.#call = call;
    try {
      push(state, args);
      lua.lua_setglobal(state, to_luastring("ARGV"));
      lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, this.#compile(text));
      if (lua.lua_pcall(state, 0, 1, 0) !== lua.LUA_OK) throw new Error(textAt(state, -1));
      return read(state, -1);
    } finally {
      lua.lua_settop(state, 0);
    }
  }

  #answer(state: unknown): LuaValue {
    const args: string[] = [];
    for (let index = 1; index <= lua.lua_gettop(state); index++) args.push(textAt(state, index));
    try {
      return this.#call(args);
    } catch (error) {
      return new Status("err", error instanceof Error ? error.message : String(error));
    }
  }

  /** The reference of a compiled text. */
  #compile(text: string): number {
    const known = this.#compiled.get(text);
    if (known !== undefined) return known;
    const state = this.#state;
    const code = to_luastring(text);
    const status = lauxlib.luaL_loadbuffer(state, code, code.length, to_luastring("script"));
    if (status !== lua.LUA_OK) throw new Error(textAt(state, -1));
    const compiled = Number(lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX));
    this.#compiled.set(text, compiled);
    return compiled;
  }
}

function textAt(state: unknown, index: number): string {
  // A number becomes text as in Redis: without a fraction.
  if (lua.lua_type(state, index) === lua.LUA_TNUMBER) {
    return String(lua.lua_tonumber(state, index));
  }
  const bytes = lua.lua_tostring(state, index);
  if (bytes === null) throw new TypeError("Cannot pass such a value to a command");
  return to_jsstring(bytes);
}

function push(state: unknown, value: LuaValue): void {
  if (value === false) lua.lua_pushboolean(state, false);
  else if (typeof value === "number") lua.lua_pushnumber(state, value);
  else if (typeof value === "string") {
    const bytes = to_luastring(value);
    lua.lua_pushlstring(state, bytes, bytes.length);
  } else if (value instanceof Status) {
    lua.lua_newtable(state);
    push(state, value.word);
    lua.lua_setfield(state, -2, to_luastring(value.field));
  } else {
    lua.lua_createtable(state, value.length, 0);
    value.forEach((part, index) => {
      push(state, part);
      lua.lua_rawseti(state, -2, index + 1);
    });
  }
}

function read(state: unknown, index: number): LuaValue {
  switch (lua.lua_type(state, index)) {
    case lua.LUA_TTABLE: {
      const list: LuaValue[] = [];
      const length = Number(lua.lua_rawlen(state, index));
      for (let at = 1; at <= length; at++) {
        lua.lua_rawgeti(state, index, at);
        list.push(read(state, -1));
        lua.lua_settop(state, -2);
      }
      return list;
    }
    case lua.LUA_TSTRING:
    case lua.LUA_TNUMBER:
      return textAt(state, index);
    default:
      return false;
  }
}
