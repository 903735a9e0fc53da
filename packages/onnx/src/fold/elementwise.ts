/** Constants element by element, in double precision; floats are rounded where they are stored. */
import type { NodeContext } from "../import/context.js";
import { mutualShape } from "../import/movement.js";
import { type ElementType, elementType, type HostValue } from "../model/elements.js";
import type { Fold } from "./kind.js";
import { broadcastStrides, room, walk } from "./strided.js";

const FLOATS: readonly ElementType[] = ["float", "double", "float16", "bfloat16"];
const isFloat = (type: ElementType): boolean => FLOATS.includes(type);

function zip(
  c: NodeContext,
  values: readonly HostValue[],
  type: ElementType,
  f: (...numbers: number[]) => number,
): HostValue {
  const shape = values.map((v) => v.shape).reduce(mutualShape);
  for (const { shape: own } of values) {
    const lead = shape.length - own.length;
    if (own.some((n, axis) => n !== 1 && n !== shape[axis + lead])) {
      c.invalid(`has operands [${values.map((v) => `[${v.shape}]`).join()}] that do not broadcast`);
    }
  }
  const y = room(shape, type);
  const strides = values.map((v) => broadcastStrides(v.shape, shape));
  walk(
    shape,
    strides,
    values.map(() => 0),
    (element, places) => {
      y.data[element] = f(...values.map(({ data }, k) => data[places[k]]));
    },
  );
  return y;
}

/** A function of as many operands as there are, of one type. */
const numeric =
  (f: (...numbers: number[]) => number, ofIntegers = f): Fold =>
  (c, values) => {
    const [{ type }] = values;
    if (values.some((value) => value.type !== type)) return undefined;
    const whole =
      type === "int32" ? (...numbers: number[]) => ofIntegers(...numbers) | 0 : ofIntegers;
    return [zip(c, values, type, isFloat(type) ? f : whole)];
  };

/** Functions that need fractions. */
const ofFloats =
  (f: (x: number) => number): Fold =>
  (c, values) =>
    isFloat(values[0].type) ? [zip(c, values, values[0].type, f)] : undefined;

const condition =
  (f: (...numbers: number[]) => boolean): Fold =>
  (c, values) => [zip(c, values, "bool", (...numbers) => Number(f(...numbers)))];

/** To the nearest integer, halves to the even one. */
function roundEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

/** Integers are cut off towards zero, and wrap around in 32 bits. */
function castTo(c: NodeContext, [x]: readonly HostValue[]): HostValue[] | undefined {
  const type = elementType(c.attribute("to", 0));
  const converts: Partial<Record<ElementType, (n: number) => number>> = {
    float: (n) => n,
    double: (n) => n,
    float16: (n) => n,
    int64: Math.trunc,
    int32: (n) => Math.trunc(n) | 0,
    bool: (n) => Number(n !== 0),
  };
  const convert = type && converts[type];
  return convert && [zip(c, [x], type, convert)];
}

function powerOf(c: NodeContext, [a, b]: readonly HostValue[]): HostValue[] {
  return [zip(c, [a, b], a.type, isFloat(a.type) ? Math.pow : (x, y) => Math.trunc(x ** y))];
}

/** The remainder has the sign of the divisor, or with `fmod` of the dividend. */
const modulo: Fold = (c, values) => {
  const fmod = c.attribute("fmod", 0) === 1;
  return numeric((a, b) => (fmod ? a % b : a - b * Math.floor(a / b)))(c, values);
};

const choose: Fold = (c, [test, a, b]) =>
  a.type === b.type ? [zip(c, [test, a, b], a.type, (t, x, y) => (t !== 0 ? x : y))] : undefined;

const clip: Fold = (c, values) => {
  if (!c.has(1) || !c.has(2)) return undefined;
  return numeric((x, low, high) => Math.min(Math.max(x, low), high))(c, values);
};

export const elementwiseFolds: Readonly<Record<string, Fold>> = {
  Abs: numeric(Math.abs),
  Add: numeric((a, b) => a + b),
  And: condition((a, b) => a !== 0 && b !== 0),
  Cast: castTo,
  Ceil: ofFloats(Math.ceil),
  Clip: clip,
  Cos: ofFloats(Math.cos),
  Div: numeric(
    (a, b) => a / b,
    (a, b) => Math.trunc(a / b),
  ),
  Equal: condition((a, b) => a === b),
  Exp: ofFloats(Math.exp),
  Floor: ofFloats(Math.floor),
  Greater: condition((a, b) => a > b),
  GreaterOrEqual: condition((a, b) => a >= b),
  Less: condition((a, b) => a < b),
  LessOrEqual: condition((a, b) => a <= b),
  Log: ofFloats(Math.log),
  Max: numeric(Math.max),
  Min: numeric(Math.min),
  Mod: modulo,
  Mul: numeric((a, b) => a * b),
  Neg: numeric((x) => -x),
  Not: condition((x) => x === 0),
  Or: condition((a, b) => a !== 0 || b !== 0),
  Pow: powerOf,
  Reciprocal: ofFloats((x) => 1 / x),
  Round: ofFloats(roundEven),
  Sin: ofFloats(Math.sin),
  Sqrt: ofFloats(Math.sqrt),
  Sub: numeric((a, b) => a - b),
  Sum: numeric((...numbers) => numbers.reduce((a, b) => a + b)),
  Where: choose,
  Xor: condition((a, b) => (a !== 0) !== (b !== 0)),
};
