import { decodeBfloat16, decodeHalf } from "./float16.js";

/** The typed array that holds each element type; `f16` and `bf16` are held as their bits. */
export interface HostArrays {
  f32: Float32Array;
  f16: Uint16Array;
  f64: Float64Array;
  bf16: Uint16Array;
  i64: BigInt64Array;
  i32: Int32Array;
  i16: Int16Array;
  i8: Int8Array;
  u8: Uint8Array;
  u32: Uint32Array;
  /** 0 is false. */
  bool: Uint8Array;
}

/** Element type of a tensor in the computer's memory. */
export type HostDType = keyof HostArrays;

/** A tensor in the computer's memory: row-major, contiguous, `data.length` = product of `shape`. */
export type HostTensor<D extends HostDType = HostDType> = {
  [K in D]: { dtype: K; shape: number[]; data: HostArrays[K] };
}[D];

/** Tensors by PyTorch's state-dict names, in the order of the checkpoint. */
export type StateDict = Map<string, HostTensor>;

const ARRAY_TYPES = {
  f32: Float32Array,
  f16: Uint16Array,
  f64: Float64Array,
  bf16: Uint16Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  u8: Uint8Array,
  u32: Uint32Array,
  bool: Uint8Array,
} as const;

/** Bytes of one element. */
export function hostElementBytes(dtype: HostDType): number {
  return ARRAY_TYPES[dtype].BYTES_PER_ELEMENT;
}

/** Number of elements of a shape; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Makes a tensor of little-endian element bytes.
 *
 * @param buffer is taken over, not copied: exactly the tensor's bytes
 * @throws RangeError where the byte length is not what `dtype` and `shape` need
 */
export function hostTensorFromBuffer(
  dtype: HostDType,
  shape: readonly number[],
  buffer: ArrayBuffer,
): HostTensor {
  const expected = elementCount(shape) * hostElementBytes(dtype);
  if (buffer.byteLength !== expected) {
    throw new RangeError(
      `A ${dtype} tensor of shape [${shape.join(", ")}] has ${expected} bytes, not ${buffer.byteLength}.`,
    );
  }
  const data = new ARRAY_TYPES[dtype](buffer);
  return { dtype, shape: [...shape], data } as HostTensor;
}

/** The tensor's bytes, little-endian, as a view of its data. */
export function hostTensorBytes(tensor: HostTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * The elements as float32, rounded to nearest where the element type is wider.
 * An `f32` tensor's own array is returned, not a copy.
 */
export function toFloat32(tensor: HostTensor): Float32Array {
  switch (tensor.dtype) {
    case "f32":
      return tensor.data;
    case "f16":
      return decodeHalf(tensor.data);
    case "bf16":
      return decodeBfloat16(tensor.data);
    case "i64":
      return Float32Array.from(tensor.data, Number);
    default:
      return Float32Array.from(tensor.data);
  }
}
