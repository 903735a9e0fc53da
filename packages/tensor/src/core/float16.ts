/**
 * IEEE 754 binary16 and bfloat16 conversions on the CPU. Every conversion to 16 bits rounds to
 * nearest, ties to even, from the full double: f64 values are not rounded twice.
 */

const float64 = new Float64Array(1);
const float64Words = new Uint32Array(float64.buffer);
const float32 = new Float32Array(1);
const float32Word = new Uint32Array(float32.buffer);

/** 2^52: adding and subtracting it rounds a double in [0, 2^52) to an integer, ties to even. */
const ROUND = 2 ** 52;
const HALF_INFINITY = 0x7c00;

/** High word of the double, on a little-endian machine (WebGPU knows no other). */
function highWord(value: number): number {
  float64[0] = value;
  return float64Words[1];
}

/**
 * The binary16 bits of a number: subnormals are kept, values that round past 65504 become infinity
 * and every NaN becomes the quiet NaN of its sign.
 */
export function toHalf(value: number): number {
  const high = highWord(value);
  const sign = (high >>> 16) & 0x8000;
  if (Number.isNaN(value)) return sign | 0x7e00;
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, -14);
  if (exponent > 15) return sign | HALF_INFINITY;
  const units = Math.abs(value) * 2 ** (10 - exponent) + ROUND - ROUND;
  // A normal number's `units` holds the implicit bit, which carries into the exponent field.
  return sign | Math.min((exponent + 14) * 1024 + units, HALF_INFINITY);
}

/** The number that binary16 `bits` stand for; exact. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The number that bfloat16 `bits` stand for; exact. */
export function fromBfloat16(bits: number): number {
  float32Word[0] = bits << 16;
  return float32[0];
}

/** {@link toHalf} of every element. */
export function encodeHalf(values: ArrayLike<number>): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = toHalf(values[i]);
  return bits;
}

/** {@link fromHalf} of every element. */
export function decodeHalf(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  const values = new Float32Array(words.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i];
    const exponent = half & HALF_INFINITY;
    // A normal number's fields go to their places in binary32, with 127 instead of 15 for the exponent's zero.
    if (exponent !== 0 && exponent !== HALF_INFINITY) {
      words[i] = ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + 0x38000000);
    } else values[i] = fromHalf(half);
  }
  return values;
}

/** {@link fromBfloat16} of every element. */
export function decodeBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}
