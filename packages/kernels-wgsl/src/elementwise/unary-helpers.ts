/** WGSL functions that functions of one element call; `T` is scalar or vec4. */

// By comparisons, which NaN fails, and not by min and max, which may drop it.
export const clamp = `fn clamp_(x: T, low: T, high: T) -> T {
  let raised = select(x, low, x < low);
  return select(raised, high, raised > high);
}`;

export const negative = `fn negative_(x: T) -> T { return select(x, T(0), x > T(0)); }`;

export const sigmoid = `fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}`;

export const tanh = `fn tanh_(x: T) -> T {
  let e = exp(-2.0 * abs(x));
  let s = x * x;
  let series = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  return select(sign(x) * (1.0 - e) / (1.0 + e), series, s < T(0.0625));
}`;

export const expm1 = `fn expm1_(x: T) -> T {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(exp(x) - 1.0, series, abs(x) < T(0.1));
}`;

// Taylor's series below 1; above, 7.1.26 of Abramowitz and Stegun, whose error is 1.5e-7.
export const erf = `fn erf_(x: T) -> T {
  let s = x * x;
  let series = T(1.1283791670955126) * x * (1.0 - s * (1.0 / 3.0 - s * (1.0 / 10.0 - s * (1.0 / 42.0
    - s * (1.0 / 216.0 - s * (1.0 / 1320.0 - s * (1.0 / 9360.0 - s * (1.0 / 75600.0
    - s * (1.0 / 685440.0 - s * (1.0 / 6894720.0))))))))));
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(sign(x) * (1.0 - tail * exp(-s)), series, abs(x) < T(1.0));
}`;

export const geluInner = `fn geluInner_(x: T) -> T { return T(1.5957691216057308) * (x + T(0.044715) * x * x * x); }`;

export const logOnePlus = `fn logOnePlus_(x: T) -> T {
  let s = x / (2.0 + x);
  let q = s * s;
  let series = 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0)))));
  return select(log(1.0 + x), series, abs(x) < T(0.3));
}`;

export const log1p = `fn log1p_(e: T) -> T {
  let series = e * (1.0 + e * (-0.5 + e * (1.0 / 3.0 - e * 0.25)));
  return select(log(1.0 + e), series, e < T(0.01));
}`;

/** A power with a constant exponent: products for small integers, which also take negative bases. */
export function powerFunction(name: string, exponent: number): string {
  const steps = Math.abs(exponent);
  if (Number.isInteger(exponent) && steps <= 8) {
    const product = steps === 0 ? "T(1)" : Array(steps).fill("x").join(" * ");
    return `fn ${name}(x: T) -> T { return ${exponent < 0 ? `1.0 / (${product})` : product}; }`;
  }
  const raised = (base: string) => `pow(${base}, T(${exponent}))`;
  // Adapters differ in what pow makes of 0.
  const ofZero = exponent < 0 ? "T(infinity_())" : "T(0.0)";
  const at = (value: string) => `select(${value}, ${ofZero}, x == T(0.0))`;
  const infinity = `fn infinity_() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}
`;
  const text = (value: string) => `${infinity}fn ${name}(x: T) -> T { return ${at(value)}; }`;
  if (!Number.isInteger(exponent)) return text(raised("x"));
  const power = raised("abs(x)");
  return text(exponent % 2 === 0 ? power : `select(${power}, -${power}, x < T(0.0))`);
}
