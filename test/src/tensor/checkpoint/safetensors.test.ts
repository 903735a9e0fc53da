import {
  type HostTensor,
  readSafetensors,
  SafetensorsError,
  type StateDict,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesOf, concatBytes, littleEndian, utf8 } from "../../support/bytes.js";

/** A file of a header's text and data, the length before it. */
function file(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = utf8(header);
  return concatBytes([littleEndian(json.length, 8), json, data]);
}

const EVERY_TYPE: HostTensor[] = [
  { dtype: "u8", shape: [3], data: Uint8Array.of(0, 128, 255) },
  { dtype: "f32", shape: [2, 2], data: Float32Array.of(1, -0, 3e38, 1e-45) },
  { dtype: "bool", shape: [1], data: Uint8Array.of(1) },
  { dtype: "f64", shape: [1, 1], data: Float64Array.of(Math.PI) },
  { dtype: "f16", shape: [2], data: Uint16Array.of(0x3c00, 0xfbff) },
  { dtype: "i64", shape: [], data: BigInt64Array.of(-(2n ** 62n)) },
  { dtype: "bf16", shape: [1], data: Uint16Array.of(0x4049) },
  { dtype: "i32", shape: [2], data: Int32Array.of(-1, 7) },
  { dtype: "i16", shape: [1], data: Int16Array.of(-300) },
  { dtype: "i8", shape: [1], data: Int8Array.of(-3) },
  { dtype: "u32", shape: [1], data: Uint32Array.of(4_000_000_000) },
  { dtype: "f32", shape: [0, 5], data: new Float32Array(0) },
];

test("reads a file written by hand", () => {
  const header =
    '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[2,10]},' +
    '"b":{"dtype":"F16","shape":[1,1],"data_offsets":[0,2]}}   ';
  const data = concatBytes([Uint8Array.of(0x00, 0x3c), bytesOf(Float32Array.of(0.5, -8))]);
  // The file starts at an odd address and its f32 data are not aligned.
  const shifted = concatBytes([Uint8Array.of(9), file(header, data)]).subarray(1);
  const { tensors, metadata } = readSafetensors(shifted);
  assert.equal(metadata, { format: "pt" });
  assert.equal([...tensors.keys()], ["a", "b"]);
  assert.equal(tensors.get("a"), { dtype: "f32", shape: [2], data: Float32Array.of(0.5, -8) });
  assert.equal(tensors.get("b"), { dtype: "f16", shape: [1, 1], data: Uint16Array.of(0x3c00) });
});

test("every element type survives writing and reading", () => {
  const tensors: StateDict = new Map(EVERY_TYPE.map((tensor, i) => [`t.${i} "é"`, tensor]));
  tensors.set("__proto__", EVERY_TYPE[0]);
  const bytes = writeSafetensors(tensors, { source: "test" });
  const again = readSafetensors(bytes);
  assert.equal(again.metadata, { source: "test" });
  assert.equal([...again.tensors], [...tensors]);
  assert.equal(bytes, writeSafetensors(tensors, { source: "test" }));
});

test("the data are aligned to their element size", () => {
  const bytes = writeSafetensors(new Map(EVERY_TYPE.map((tensor, i) => [`t${i}`, tensor])));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  for (const [i, { data }] of EVERY_TYPE.entries()) {
    assert.is((8 + length + header[`t${i}`].data_offsets[0]) % data.BYTES_PER_ELEMENT, 0);
  }
});

test("what is read does not share memory with the file", () => {
  const bytes = writeSafetensors(new Map([["a", EVERY_TYPE[1]]]));
  const { tensors } = readSafetensors(bytes);
  bytes.fill(0);
  assert.equal(tensors.get("a"), EVERY_TYPE[1]);
});

test("tensors that do not fit their shape are not written", () => {
  const wrong: HostTensor = { dtype: "f32", shape: [3], data: new Float32Array(2) };
  assert.throws(() => writeSafetensors(new Map([["a", wrong]])), /"a" can not be written/);
  assert.throws(() => writeSafetensors(new Map([["__metadata__", EVERY_TYPE[0]]])), /can not be/);
});

const f32 = (shape: string, begin: number, end: number) =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

const BROKEN: [string, Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["nine bytes", new Uint8Array(9)],
  ["a header of 2^63 bytes", concatBytes([littleEndian(2n ** 63n, 8), utf8("{}")])],
  ["a header longer than the file", concatBytes([littleEndian(3, 8), utf8("{}")])],
  ["an empty header", concatBytes([littleEndian(0, 8), utf8("{}")])],
  ["no JSON", file("{,}")],
  ["an array", file("[1]")],
  ["null", file("null")],
  ["a leading space", file(" {}")],
  ["invalid UTF-8", concatBytes([littleEndian(4, 8), Uint8Array.of(0x7b, 0x22, 0xff, 0x7d)])],
  ["JSON 100,000 deep", file(`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`)],
  [
    "a name twice",
    file(`{"a":${f32("[1]", 0, 4)},"\\u0061":${f32("[1]", 0, 4)}}`, new Uint8Array(4)),
  ],
  ["a field twice", file('{"a":{"dtype":"F32","dtype":"I32","shape":[0],"data_offsets":[0,0]}}')],
  ["metadata that are no text", file('{"__metadata__":{"a":1}}')],
  ["metadata that are a list", file('{"__metadata__":[]}')],
  ["an entry that is null", file('{"a":null}')],
  ["no shape", file('{"a":{"dtype":"F32","data_offsets":[0,0]}}')],
  ["a shape of 1.5", file(`{"a":${f32("[1.5]", 0, 6)}}`, new Uint8Array(6))],
  ["a negative shape", file(`{"a":${f32("[-1,-1]", 0, 4)}}`, new Uint8Array(4))],
  ["a shape of text", file(`{"a":${f32('["1"]', 0, 4)}}`, new Uint8Array(4))],
  ["a shape beyond 2^53", file(`{"a":${f32("[9007199254740993,0]", 0, 0)}}`)],
  [
    "a product that overflows",
    file(`{"a":${f32("[4294967296,4294967296,0]", 0, 4)}}`, new Uint8Array(4)),
  ],
  ["offsets that go back", file(`{"a":${f32("[1]", 4, 0)}}`, new Uint8Array(4))],
  ["three offsets", file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}')],
  ["a size that is wrong", file(`{"a":${f32("[2]", 0, 4)}}`, new Uint8Array(4))],
  ["data past the end", file(`{"a":${f32("[2]", 0, 8)}}`, new Uint8Array(4))],
  ["data left over", file(`{"a":${f32("[1]", 0, 4)}}`, new Uint8Array(5))],
  ["a gap", file(`{"a":${f32("[1]", 4, 8)}}`, new Uint8Array(8))],
  ["an overlap", file(`{"a":${f32("[2]", 0, 8)},"b":${f32("[2]", 4, 12)}}`, new Uint8Array(12))],
];

for (const [what, bytes] of BROKEN) {
  test(`refuses ${what}`, () => {
    try {
      readSafetensors(bytes);
    } catch (error) {
      assert.instance(error, SafetensorsError);
      assert.is((error as SafetensorsError).code, "SAFETENSORS_CORRUPT");
      assert.ok((error as SafetensorsError).message.length < 400);
      return;
    }
    assert.unreachable("it was read");
  });
}

test("an element type that is not known is named", () => {
  const bytes = file(
    '{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}',
    new Uint8Array(1),
  );
  try {
    readSafetensors(bytes);
    assert.unreachable();
  } catch (error) {
    assert.is((error as SafetensorsError).code, "SAFETENSORS_UNSUPPORTED");
    assert.match((error as SafetensorsError).message, "F8_E4M3");
  }
});

test.run();
