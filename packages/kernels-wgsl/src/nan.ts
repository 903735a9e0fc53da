/**
 * WGSL of `isNan(x)` for an f32 or a vec4f. By the bits: WGSL lets a compiler assume that there are no NaNs, and
 * `x != x` then is false.
 */
export function isNanFunction(width: number): string {
  const [float, bits] = width === 4 ? ["vec4f", "vec4u"] : ["f32", "u32"];
  const result = width === 4 ? "vec4<bool>" : "bool";
  return `fn isNan(x: ${float}) -> ${result} {
  return (bitcast<${bits}>(x) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u);
}`;
}
