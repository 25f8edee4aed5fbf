// Stands in for a module that lib0 does not export.

export const EqualityTraitSymbol = Symbol("Equality");

export const equals = (one, other) => one === other || one?.[EqualityTraitSymbol]?.(other) === true;
