import {
  checkpointFormat,
  type HostTensor,
  readCheckpoint,
  type StateDict,
  writePth,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { throwsCode } from "../../support/throws.js";

/** Bits that arithmetic would change: a NaN with a payload, −0, subnormal numbers. */
const odd = new Float32Array(
  Uint32Array.of(0x7fc12345, 0x80000000, 1, 0xff800000, 0x40490fdb).buffer,
);

const tensors: StateDict = new Map<string, HostTensor>([
  ["body.stage1.0.0.weight", { dtype: "f32", shape: [5, 1], data: odd }],
  ["half", { dtype: "f16", shape: [3], data: Uint16Array.of(0x7e01, 0x8000, 1) }],
  ["double", { dtype: "f64", shape: [2], data: Float64Array.of(-0, 5e-324) }],
  ["brain", { dtype: "bf16", shape: [1, 1, 2], data: Uint16Array.of(0x7fc1, 0x3f80) }],
  ["bn.num_batches_tracked", { dtype: "i64", shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
  ["i32", { dtype: "i32", shape: [1], data: Int32Array.of(-5) }],
  ["i16", { dtype: "i16", shape: [3, 0, 2], data: new Int16Array(0) }],
  ["i8", { dtype: "i8", shape: [300], data: new Int8Array(300).fill(-3) }],
  ["u8", { dtype: "u8", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) }],
  ["ü bool", { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) }],
]);

const bitsOf = ({ data }: HostTensor) =>
  [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)].join();

test("every element type comes back with the same bits, shape and place", () => {
  const file = writePth(tensors);
  assert.is(checkpointFormat(file), "pth-zip");
  const read = readCheckpoint(file);
  assert.equal([...read.keys()], [...tensors.keys()]);
  for (const [name, tensor] of tensors) {
    const other = read.get(name)!;
    assert.equal([other.dtype, other.shape], [tensor.dtype, tensor.shape], name);
    assert.is(bitsOf(other), bitsOf(tensor), name);
  }
});

test("a view of a larger buffer is written alone", () => {
  const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
  const read = readCheckpoint(writePth(new Map([["a", { dtype: "f32", shape: [2], data }]])));
  assert.equal([...read.get("a")!.data], [2, 3]);
});

test("the same tensors give the same bytes, and data begin at multiples of 64", () => {
  const file = writePth(tensors);
  assert.equal(file, writePth(tensors));
  const view = new DataView(file.buffer);
  let entries = 0;
  for (let at = 0; view.getUint32(at, true) === 0x04034b50; entries++) {
    const names = view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
    const start = at + 30 + names;
    assert.is(start % 64, 0, `entry ${entries}`);
    at = start + view.getUint32(at + 18, true);
  }
  assert.is(entries, tensors.size + 3);
});

test("what PyTorch has no storage for is refused by name", () => {
  const data = Uint32Array.of(1);
  const write = () => writePth(new Map([["steps", { dtype: "u32", shape: [1], data }]]));
  throwsCode(write, "CHECKPOINT_UNSUPPORTED", /"steps" is of u32.*safetensors/);
});

test.run();
