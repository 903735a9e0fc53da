/* Checkpoints as training programs leave them: wrapped, nested, beside other things. */
import {
  readCheckpoint,
  readSafetensors,
  type StateDict,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes, littleEndian, utf8 } from "../../support/bytes.js";
import {
  legacyFile,
  storage,
  tensorOf,
  zipFile,
  zipItems,
} from "../../support/checkpoint-writer.js";
import { orderedDict, type Py } from "../../support/pickle-writer.js";
import { throwsCode } from "../../support/throws.js";
import { deflate, writeZip } from "../../support/zip-writer.js";

const weights = storage("0", "FloatStorage", Float32Array.of(1, 2, 3));
const tensor = tensorOf({ storage: weights, shape: [3] });
const dict = (...names: string[]): Py => orderedDict(names.map((name) => [name, tensor]));
const names = (root: Py) => {
  const read = [legacyFile, zipFile].map((save) => [
    ...readCheckpoint(save(root, [weights])).keys(),
  ]);
  assert.equal(read[0], read[1]);
  return read[0];
};
const call = (module: string, name: string, args: Py[], items: [Py, Py][] = []): Py => ({
  call: { global: [module, name] },
  args,
  items,
});

test("prefixes of wrappers are taken off where all names have them, one after the other", () => {
  for (const prefix of [
    "module.",
    "_orig_mod.",
    "model.",
    "module._orig_mod.",
    "_orig_mod.module.model.",
  ]) {
    assert.equal(
      names(dict(`${prefix}conv.weight`, `${prefix}bn.bias`)),
      ["conv.weight", "bn.bias"],
      prefix,
    );
  }
  assert.equal(names(dict("model.conv.weight", "head.bias")), ["model.conv.weight", "head.bias"]);
  assert.equal(names(dict("body._orig_mod.conv", "head.bias")), ["body.conv", "head.bias"]);
  assert.equal(
    names(dict("module.", "module.a")),
    ["module.", "module.a"],
    "no name is left empty",
  );
  assert.equal(names(dict("a._orig_mod.b", "a.b")), ["a._orig_mod.b", "a.b"], "no two become one");
  const safetensors: StateDict = new Map([
    ["_orig_mod.a", { dtype: "f32", shape: [1], data: Float32Array.of(1) }],
  ]);
  assert.equal([...readCheckpoint(writeSafetensors(safetensors)).keys()], ["a"]);
});

test("the state dict is found under its usual keys, at any of a few depths", () => {
  for (const key of ["state_dict", "model_state_dict", "model", "ema", "net"]) {
    assert.equal(
      names({
        dict: [
          ["epoch", 3],
          [key, dict("a")],
        ],
      }),
      ["a"],
      key,
    );
  }
  assert.equal(names({ dict: [["model", { dict: [["state_dict", dict("module.a")]] }]] }), ["a"]);
  const both: Py = {
    dict: [
      ["ema", dict("averaged")],
      ["model", dict("trained")],
    ],
  };
  assert.equal(names(both), ["trained"], "the first of the keys, whatever their order in the file");
  assert.equal(
    names({
      dict: [
        ["model", "resnet50"],
        ["a", tensor],
      ],
    }),
    ["a"],
    "a key that holds no dictionary",
  );
  throwsCode(
    () => names({ dict: [["weights", dict("a")]] }),
    "CHECKPOINT_UNSUPPORTED",
    /state_dict, model/,
  );
});

test("harmless classes beside the tensors are read as plain data", () => {
  const beside: [string, Py][] = [
    [
      "Counter",
      call("collections", "Counter", [
        {
          dict: [
            [30, 1],
            [60, 1],
          ],
        },
      ]),
    ],
    ["an empty Counter", call("collections", "Counter", [])],
    [
      "defaultdict",
      call("collections", "defaultdict", [{ global: ["__builtin__", "dict"] }], [["a", 1]]),
    ],
    [
      "defaultdict of Python 3",
      call("collections", "defaultdict", [{ global: ["builtins", "list"] }]),
    ],
    ["OrderedDict", orderedDict([["a", 1]])],
    ["deque", call("collections", "deque", [[1, 2]])],
    ["set", call("__builtin__", "set", [[1, 2]])],
    ["frozenset", call("builtins", "frozenset", [[1, 2]])],
    ["device", call("torch", "device", ["cuda", 0])],
    ["an element type", { global: ["torch", "float32"] }],
    ["a tensor within", { dict: [[0, { dict: [["exp_avg", tensor]] }]] }],
  ];
  for (const [what, value] of beside) {
    assert.equal(
      names({
        dict: [
          ["scheduler", { dict: [["x", value]] }],
          ["state_dict", dict("a")],
        ],
      }),
      ["a"],
      what,
    );
  }
});

test("what they are made of is not executed, and others are refused as before", () => {
  const attacks: [string, Py][] = [
    ["os.system", call("os", "system", ["true"])],
    ["a factory that is called", call("builtins", "list", [[1]])],
    ["eval as a factory", call("collections", "defaultdict", [{ global: ["builtins", "eval"] }])],
    ["ChainMap", call("collections", "ChainMap", [{ dict: [] }])],
    ["a namedtuple", call("collections", "namedtuple", ["x", "y"])],
    ["an element type that is called", call("torch", "float32", [1])],
    ["an attribute of Object.prototype", call("collections", "constructor", [])],
  ];
  for (const [what, value] of attacks) {
    throwsCode(
      () =>
        names({
          dict: [
            ["s", value],
            ["state_dict", dict("a")],
          ],
        }),
      "CHECKPOINT_UNSAFE",
    );
    assert.ok(what);
  }
});

test("metadata that are null count as absent", () => {
  const header = utf8('{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}');
  const file = concatBytes([littleEndian(header.length, 8), header, new Uint8Array(4)]);
  assert.equal(readSafetensors(file).metadata, {});
  assert.equal([...readCheckpoint(file).keys()], ["a"]);
});

test("storages and tensors together have one limit", async () => {
  // 4 MiB of zeros in a few KB, and each of eight tensors all of it: apart, both were within limits.
  const zeros = storage("0", "FloatStorage", new Float32Array(2 ** 20));
  const named = (count: number, shape: number[]): Py => ({
    dict: Array.from({ length: count }, (_, n) => [`t${n}`, tensorOf({ storage: zeros, shape })]),
  });
  const items = zipItems(named(8, [zeros.count]), [zeros]);
  const packed = await Promise.all(
    items.map(async (item) => ({ ...item, deflated: await deflate(item.data) })),
  );
  const file = writeZip(packed);
  throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT", /37748736 bytes in memory/);
  assert.is(readCheckpoint(zipFile(named(8, [5, 9]), [zeros])).size, 8, "plainly stored");
});

test.run();
