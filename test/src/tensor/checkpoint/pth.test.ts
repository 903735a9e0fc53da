import { readCheckpoint } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../support/bytes.js";
import {
  legacyFile,
  type Storage,
  storage,
  storageId,
  type TensorSpec,
  tensorOf,
  zipFile,
} from "../../support/checkpoint-writer.js";
import { orderedDict, type Py } from "../../support/pickle-writer.js";
import { throwsCode } from "../../support/throws.js";

type Save = (root: Py, storages: readonly Storage[]) => Uint8Array;

/** Each test runs on both formats, each in pickle protocols 2 and 4. */
const FORMATS: [string, Save][] = [
  ["legacy", (root, storages) => legacyFile(root, storages)],
  ["legacy, protocol 4", (root, storages) => legacyFile(root, storages, { protocol: 4 })],
  ["zip", (root, storages) => zipFile(root, storages)],
  ["zip, protocol 4", (root, storages) => zipFile(root, storages, { protocol: 4 })],
];

function stateDict(tensors: Record<string, TensorSpec>): Py {
  return orderedDict(Object.entries(tensors).map(([name, spec]) => [name, tensorOf(spec)]));
}

const counting = storage(
  "940887",
  "FloatStorage",
  Float32Array.from({ length: 24 }, (_, i) => i),
);
const counter = storage("7", "LongStorage", BigInt64Array.of(2n ** 40n));

for (const [format, save] of FORMATS) {
  test(`${format}: every storage type`, () => {
    const types: [string, ArrayBufferView & { length: number }, string][] = [
      ["FloatStorage", Float32Array.of(1.5, -0), "f32"],
      ["HalfStorage", Uint16Array.of(0x3c00, 1), "f16"],
      ["DoubleStorage", Float64Array.of(Math.PI, 1e-320), "f64"],
      ["BFloat16Storage", Uint16Array.of(0x4049, 2), "bf16"],
      ["LongStorage", BigInt64Array.of(-1n, 2n ** 62n), "i64"],
      ["IntStorage", Int32Array.of(-1, 7), "i32"],
      ["ShortStorage", Int16Array.of(-1, 7), "i16"],
      ["CharStorage", Int8Array.of(-1, 7), "i8"],
      ["ByteStorage", Uint8Array.of(255, 7), "u8"],
      ["BoolStorage", Uint8Array.of(0, 1), "bool"],
    ];
    const storages = types.map(([type, values], i) => storage(`${i}`, type, values));
    const dict = stateDict(
      Object.fromEntries(storages.map((s) => [s.type, { storage: s, shape: [2, 1] }])),
    );
    const tensors = readCheckpoint(save(dict, storages));
    assert.equal(
      [...tensors],
      types.map(([type, data, dtype]) => [type, { dtype, shape: [2, 1], data }]),
    );
  });

  test(`${format}: strides, offsets, shared storages and parameters`, () => {
    const dict = stateDict({
      whole: { storage: counting, shape: [2, 3, 4] },
      transposed: { storage: counting, shape: [4, 3], strides: [1, 4] },
      column: { storage: counting, shape: [3], strides: [4], offset: 13 },
      expanded: { storage: counting, shape: [2, 3], strides: [0, 1], offset: 5 },
      tail: {
        storage: counting,
        shape: [2, 1, 2],
        strides: [2, 99, 1],
        offset: 20,
        parameter: true,
      },
      permuted: { storage: counting, shape: [4, 2, 3], strides: [1, 12, 4] },
      empty: { storage: counting, shape: [0, 4], offset: 24 },
      scalar: { storage: counter, shape: [] },
    });
    const tensors = readCheckpoint(save(dict, [counting, counter]));
    const values = (name: string) => [...(tensors.get(name)!.data as Float32Array)];
    assert.equal(values("whole"), [...Array(24).keys()]);
    assert.equal(values("transposed"), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
    assert.equal(values("column"), [13, 17, 21]);
    assert.equal(values("expanded"), [5, 6, 7, 5, 6, 7]);
    assert.equal(values("tail"), [20, 21, 22, 23]);
    assert.equal(
      values("permuted"),
      [0, 1, 2, 3].flatMap((i) => [0, 4, 8, 12, 16, 20].map((j) => i + j)),
    );
    assert.equal(tensors.get("empty"), { dtype: "f32", shape: [0, 4], data: new Float32Array() });
    assert.equal(tensors.get("scalar"), {
      dtype: "i64",
      shape: [],
      data: BigInt64Array.of(2n ** 40n),
    });
    // The copies are apart from one another and from the file.
    (tensors.get("whole")!.data as Float32Array).fill(9);
    assert.equal(values("column"), [13, 17, 21]);
  });

  test(`${format}: a training checkpoint, with module. before every name`, () => {
    const root: Py = {
      dict: [
        ["epoch", 300],
        ["lr", 0.1],
        ["arch", "mobilenet"],
        ["negative", -5],
        ["long", 2n ** 70n],
        ["state_dict", stateDict({ "module.a.weight": { storage: counting, shape: [24] } })],
        ["optimizer", { dict: [["state", [{ tuple: [1, 2, 3, 4] }, null, true]]] }],
      ],
    };
    const tensors = readCheckpoint(save(root, [counting]));
    assert.equal([...tensors.keys()], ["a.weight"]);
  });

  test(`${format}: module. stays where not all names have it`, () => {
    const root = stateDict({
      "module.a": { storage: counting, shape: [24] },
      b: { storage: counting, shape: [1] },
    });
    assert.equal([...readCheckpoint(save(root, [counting])).keys()], ["module.a", "b"]);
  });

  test(`${format}: tensors are never read beyond their storage`, () => {
    const specs: Omit<TensorSpec, "storage">[] = [
      { shape: [25] },
      { shape: [24], offset: 1 },
      { shape: [2, 3], strides: [21, 2] },
      { shape: [1], offset: 24 },
      { shape: [2 ** 40, 2 ** 40], strides: [0, 2 ** 30] },
      { shape: [2], strides: [-1] },
      { shape: [-1, -24] },
      { shape: [1.5] },
      { shape: [2], strides: [] },
      { shape: Array(65).fill(1) },
    ];
    for (const spec of specs) {
      const file = save(stateDict({ a: { storage: counting, ...spec } }), [counting]);
      throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT");
    }
  });

  test(`${format}: a huge tensor on a small storage is refused before it is allocated`, () => {
    for (const shape of [[2 ** 40], [2 ** 20, 2 ** 20], [2 ** 50, 2 ** 50]]) {
      const strides = shape.map(() => 0);
      const file = save(stateDict({ a: { storage: counting, shape, strides } }), [counting]);
      throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT", /96 are stored/);
    }
  });

  test(`${format}: a storage's declared size must be the stored one`, () => {
    for (const count of [23, 25, 2 ** 52]) {
      const file = save(stateDict({ a: { storage: { ...counting, count }, shape: [2] } }), [
        counting,
      ]);
      throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT");
    }
    const twice = stateDict({
      a: { storage: counting, shape: [24] },
      b: { storage: { ...counting, type: "IntStorage" }, shape: [24] },
    });
    throwsCode(() => readCheckpoint(save(twice, [counting])), "CHECKPOINT_CORRUPT", /twice/);
  });

  test(`${format}: a missing storage`, () => {
    const file = save(stateDict({ a: { storage: counting, shape: [24] } }), []);
    throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT", /missing/);
  });

  test(`${format}: no tensors`, () => {
    for (const root of [{ dict: [["model", 1]] }, [], 5, { dict: [] }] as Py[]) {
      throwsCode(() => readCheckpoint(save(root, [])), "CHECKPOINT_UNSUPPORTED", /no tensors/);
    }
  });

  test(`${format}: other kinds of tensors are told apart from attacks`, () => {
    for (const global of [
      ["torch", "ComplexFloatStorage"],
      ["torch._utils", "_rebuild_sparse_tensor"],
    ] as const) {
      throwsCode(() => readCheckpoint(save({ global }, [])), "CHECKPOINT_UNSUPPORTED");
    }
  });
}

test("the pair lists of Python 2's OrderedDict, and views of PyTorch's first versions", () => {
  const view: Py = {
    call: { global: ["torch._utils", "_rebuild_tensor"] },
    args: [
      storageId(counting, { tuple: ["view", 4, 6] }),
      1,
      { tuple: [2] },
      { call: { global: ["torch", "Size"] }, args: [{ tuple: [3] }] },
    ],
  };
  const root: Py = {
    call: { global: ["collections", "OrderedDict"] },
    args: [[["a", view], { tuple: ["b", view] }]],
  };
  const tensors = readCheckpoint(legacyFile(root, [counting]));
  assert.equal([...tensors.keys()], ["a", "b"]);
  assert.equal(tensors.get("a")!.data, Float32Array.of(5, 8));
  const outside = storageId(counting, { tuple: ["view", 20, 6] });
  throwsCode(() => readCheckpoint(legacyFile(outside, [counting])), "CHECKPOINT_CORRUPT", /view/);
});

test("legacy: big-endian machines, other versions, bytes after the end", () => {
  const root = stateDict({ a: { storage: counting, shape: [24] } });
  const read = (options: object) => () => readCheckpoint(legacyFile(root, [counting], options));
  throwsCode(read({ bigEndian: true }), "CHECKPOINT_UNSUPPORTED", /big-endian/);
  throwsCode(read({ version: 1002 }), "CHECKPOINT_UNSUPPORTED", /1002/);
  const longer = concatBytes([legacyFile(root, [counting]), Uint8Array.of(0)]);
  throwsCode(() => readCheckpoint(longer), "CHECKPOINT_CORRUPT", /1 bytes follow/);
  const doubled = legacyFile(root, [counting, counting]);
  throwsCode(() => readCheckpoint(doubled), "CHECKPOINT_CORRUPT", /twice/);
  const unused = legacyFile(root, [counting, counter]);
  throwsCode(() => readCheckpoint(unused), "CHECKPOINT_CORRUPT", /without a tensor/);
});

test("a legacy file cut off anywhere is refused", () => {
  const file = legacyFile(stateDict({ a: { storage: counting, shape: [24] } }), [counting]);
  for (let length = 1; length < file.length; length++) {
    throwsCode(() => readCheckpoint(file.subarray(0, length)), "CHECKPOINT_CORRUPT");
  }
});

test.run();
