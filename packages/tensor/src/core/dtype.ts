/** Element types of tensors. `f16` needs the `shader-f16` feature. */
export type DType = "f32" | "f16" | "i32" | "u32";

/** Host arrays that `Tensor.data()` returns; f16 comes as raw bits. */
export interface DTypeArrays {
  f32: Float32Array;
  f16: Uint16Array;
  i32: Int32Array;
  u32: Uint32Array;
}

/** All element types. */
export const DTYPES: readonly DType[] = ["f32", "f16", "i32", "u32"];

const BYTES: Record<DType, number> = { f32: 4, f16: 2, i32: 4, u32: 4 };

export function bytesPerElement(dtype: DType): number {
  return BYTES[dtype];
}

export function typedArray<D extends DType>(dtype: D, buffer: ArrayBuffer): DTypeArrays[D] {
  const views: { [K in DType]: () => DTypeArrays[K] } = {
    f32: () => new Float32Array(buffer),
    f16: () => new Uint16Array(buffer),
    i32: () => new Int32Array(buffer),
    u32: () => new Uint32Array(buffer),
  };
  return views[dtype]() as DTypeArrays[D];
}
