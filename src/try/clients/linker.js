// Runs CommonJS modules in a browser, with the helpers that Babel's output asks for: rtcpool needs
// @babel/runtime without declaring it, and today's browsers have most of it built in.

const HELPERS = {
  interopRequireDefault: (module) => module?.__esModule ? module : { default: module },
  assertThisInitialized: (self) => self,
  getPrototypeOf: Object.getPrototypeOf,
  wrapNativeSuper: (Class) => Class,
  classCallCheck(instance, Class) {
    if (!(instance instanceof Class)) throw new TypeError("Cannot call a class as a function");
  },
  createClass(Class, methods = [], statics = []) {
    const define = (target, { key, ...property }) => {
      Object.defineProperty(target, key, {
        configurable: true,
        ...property,
        ...("value" in property && { writable: true }),
      });
    };
    for (const method of methods) define(Class.prototype, method);
    for (const method of statics) define(Class, method);
    return Class;
  },
  defineProperty(target, key, value) {
    const property = { value, enumerable: true, configurable: true, writable: true };
    return Object.defineProperty(target, key, property);
  },
  inherits(Class, Parent) {
    Class.prototype = Object.create(Parent.prototype, {
      constructor: { value: Class, writable: true, configurable: true },
    });
    Object.setPrototypeOf(Class, Parent);
  },
  possibleConstructorReturn: (self, result) => Object(result) === result ? result : self,
  classPrivateFieldGet: (instance, field) => field.get(instance).value,
  classPrivateFieldSet(instance, field, value) {
    field.get(instance).value = value;
    return value;
  },
  asyncToGenerator: (generator) =>
    function (...args) {
      const running = generator.apply(this, args);
      const step = async (method, value) => {
        const result = running[method](value);
        if (result.done) return result.value;
        try {
          value = await result.value;
        } catch (error) {
          return step("throw", error);
        }
        return step("next", value);
      };
      return step("next");
    },
};

/** The exports of `./index`. */
// deno-lint-ignore no-unused-vars -- the script that is put together around this file calls it
function link(modules) {
  const loaded = new Map();
  const require = (name) => {
    if (name === "@babel/runtime/regenerator") return regeneratorRuntime;
    const helper = HELPERS[name.replace("@babel/runtime/helpers/", "")];
    if (helper !== undefined) return helper;
    const path = name.replace(/\.js$/, "");
    if (!loaded.has(path)) {
      const module = { exports: {} };
      loaded.set(path, module);
      modules[path](require, module, module.exports);
    }
    return loaded.get(path).exports;
  };
  return require("./index");
}
