import {
  type Attribute,
  type HostValue,
  OnnxError,
  readOnnx,
  readOnnxTensor,
} from "@retinaface-webgpu/onnx";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesOf, concatBytes, utf8 } from "../support/bytes.js";
import { mutations } from "../support/mutations.js";
import { rounds } from "../support/rounds.js";
import { workTime } from "../support/work-time.js";

/* Damaged ONNX files give a model or a typed error, soon, and no more than they hold. */

const RUNS = rounds(4000);
const SEED = 20_260_301;
const LONGEST_MS = 1000;

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.from([...bytes, rest]);
}

/** A field: a number as a varint, the rest with its length. */
function field(number: number, value: number | string | Uint8Array): Uint8Array {
  if (typeof value === "number") return concatBytes([varint(number * 8), varint(value)]);
  const bytes = typeof value === "string" ? utf8(value) : value;
  return concatBytes([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

const message = (...fields: Uint8Array[]) => concatBytes(fields);

const floats = (name: string, shape: number[], values: number[]) =>
  message(
    ...shape.map((n) => field(1, n)),
    field(2, 1),
    field(8, name),
    field(9, bytesOf(Float32Array.from(values))),
  );
const integers = message(
  field(1, 3),
  field(2, 7),
  field(7, Uint8Array.of(1, 0x80, 1, 3)),
  field(8, "s"),
);

const model = message(
  field(1, 8),
  field(
    7,
    message(
      field(
        1,
        message(
          field(1, "x"),
          field(1, "w"),
          field(2, "y"),
          field(4, "Conv"),
          field(5, message(field(1, "pads"), field(8, Uint8Array.of(1, 1, 1, 1)), field(20, 7))),
          field(5, message(field(1, "group"), field(3, 1), field(20, 2))),
          field(5, message(field(1, "mode"), field(4, "SAME"))),
          field(5, message(field(1, "value"), field(5, floats("v", [2], [1, 2])), field(20, 4))),
        ),
      ),
      field(2, "graph"),
      field(5, floats("w", [2, 3], [1, 2, 3, 4, 5, 6])),
      field(5, integers),
      field(11, message(field(1, "x"))),
      field(11, message(field(1, "w"))),
      field(12, message(field(1, "y"))),
    ),
  ),
  field(8, message(field(1, ""), field(2, 13))),
);

function check(value: HostValue): number {
  assert.ok(value.shape.every((n) => Number.isSafeInteger(n) && n >= 0));
  assert.is(
    value.data.length,
    value.shape.reduce((a, b) => a * b, 1),
  );
  return value.data.length;
}

function checkAttribute(value: Attribute): number {
  if (typeof value === "object") return Array.isArray(value) ? value.length : check(value);
  assert.ok(["number", "string", "undefined"].includes(typeof value));
  return 1;
}

/** Values and names that a model holds. */
function modelSize(bytes: Uint8Array): number {
  const { nodes, constants, inputs, outputs, opset } = readOnnx(bytes);
  assert.type(opset, "number");
  let size = inputs.length + outputs.length;
  for (const value of constants.values()) size += check(value);
  for (const node of nodes) {
    assert.type(node.op, "string");
    size += node.inputs.length + node.outputs.length;
    for (const value of node.attributes.values()) size += checkAttribute(value);
  }
  return size;
}

function fuzz(
  runs: number,
  files: fc.Arbitrary<Uint8Array>,
  read: (bytes: Uint8Array) => number,
): { read: number; refused: number } {
  const outcomes = { read: 0, refused: 0 };
  const property = fc.property(files, (bytes) => {
    const start = workTime();
    try {
      assert.ok(read(bytes) <= bytes.length, "more values than bytes");
      outcomes.read++;
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      outcomes.refused++;
    }
    assert.ok(workTime() - start < LONGEST_MS);
  });
  fc.assert(property, { numRuns: runs, seed: SEED });
  console.log(`# read ${outcomes.read}, refused ${outcomes.refused}`);
  return outcomes;
}

test("the undamaged model is read", () => {
  const { nodes, constants, inputs, opset } = readOnnx(model);
  assert.is(opset, 13);
  assert.equal(
    inputs.map(({ name }) => name),
    ["x"],
  );
  assert.equal([...constants.get("s")!.data], [1, 128, 3]);
  assert.equal(nodes[0].attributes.get("pads"), [1, 1, 1, 1]);
  assert.is(nodes[0].attributes.get("mode"), "SAME");
});

test(`${RUNS} damaged models`, () => {
  const { read, refused } = fuzz(
    RUNS,
    mutations.map((mutate) => mutate(model)),
    modelSize,
  );
  assert.ok(read > RUNS / 25 && refused > RUNS / 25);
});

test(`${RUNS} damaged tensors`, () => {
  const tensors = fc.constantFrom(integers, floats("t", [2, 3], [1, 2, 3, 4, 5, 6]));
  const files = fc.tuple(tensors, mutations).map(([bytes, mutate]) => mutate(bytes));
  const { read, refused } = fuzz(RUNS, files, (bytes) => check(readOnnxTensor(bytes).value));
  assert.ok(read > RUNS / 14 && refused > RUNS / 14);
});

test("1,000 files of random bytes", () => {
  fuzz(1000, fc.uint8Array({ maxLength: 300 }), modelSize);
});

test("lengths beyond the file, endless numbers and negative sizes are refused", () => {
  const refused = [
    Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
    new Uint8Array(50).fill(0xff),
    Uint8Array.of(0x3a, 5, 1),
    Uint8Array.of(0x3b),
  ];
  for (const bytes of refused)
    assert.throws(
      () => readOnnx(bytes),
      (e: Error) => e instanceof OnnxError,
    );
  const minusOne = Uint8Array.of(...new Array(9).fill(0xff), 1);
  const negative = message(
    field(1, concatBytes([minusOne, minusOne])),
    field(2, 1),
    field(9, bytesOf(Float32Array.of(1))),
  );
  assert.throws(
    () => readOnnxTensor(negative),
    (e: Error) => e instanceof OnnxError,
  );
});

test.run();
