import { readCheckpoint } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes, littleEndian, utf8 } from "../../support/bytes.js";
import { legacyFile, storage, storageId, zipFile } from "../../support/checkpoint-writer.js";
import { type Py, pickle } from "../../support/pickle-writer.js";
import { throwsCode } from "../../support/throws.js";

const weights = storage("0", "FloatStorage", Float32Array.of(1, 2));

const call = (module: string, name: string, ...args: Py[]): Py => ({
  call: { global: [module, name] },
  args,
});

/** `text` as opcodes: characters stand for themselves. */
const ops = (text: string): Py => ({ raw: [...text].map((c) => c.charCodeAt(0)) });

const ATTACKS: [string, Py][] = [
  ["os.system", call("os", "system", "touch /tmp/owned")],
  ["posix.system", call("posix", "system", "true")],
  ["builtins.eval", call("builtins", "eval", "1")],
  ["__builtin__.exec", call("__builtin__", "exec", "1")],
  ["subprocess.Popen", call("subprocess", "Popen", ["true"])],
  ["a class of torch", call("torch.nn.modules.conv", "Conv2d")],
  ["torch.load", call("torch", "load", "x")],
  ["torch.hub.load", call("torch.hub", "load", "x")],
  ["numpy", call("numpy.core.multiarray", "_reconstruct", 0)],
  ["getattr", call("builtins", "getattr", "a", "b")],
  ["a name of Object.prototype", call("constructor", "constructor", "x")],
  ["__proto__", call("__proto__", "call")],
  ["a storage type that is called", call("torch", "FloatStorage", 10)],
  ["text that is called", { call: "os.system", args: ["true"] }],
  ["the state of a list", { build: [], state: { dict: [] } }],
  ["the state of a tensor's type", { build: { global: ["torch", "Size"] }, state: { dict: [] } }],
  ["a state that is a tuple", { build: { dict: [] }, state: { tuple: [null, null] } }],
  ["a persistent id that is no storage", { persistent: { tuple: ["module", "x"] } }],
  ["a persistent id that is text", { persistent: "../../etc/passwd" }],
  ["INST", ops("(S'true'\nios\nsystem\n")],
  ["INST alone", ops("(ios\nsystem\n")],
  ["OBJ", ops("(o")],
  ["NEWOBJ", { raw: [0x7d, 0x29, 0x81] }],
  ["NEWOBJ_EX", { raw: [0x92] }],
  ["EXT1", { raw: [0x82, 1] }],
  ["PERSID", ops("Pname\n")],
];

for (const [what, root] of ATTACKS) {
  test(`refuses ${what}`, () => {
    const code = what === "INST" ? "CHECKPOINT_CORRUPT" : "CHECKPOINT_UNSAFE";
    for (const protocol of [2, 4] as const) {
      throwsCode(() => readCheckpoint(legacyFile(root, [], { protocol })), code);
      throwsCode(() => readCheckpoint(zipFile(root, [], { protocol })), code);
    }
    // Beside honest entries, before and after them.
    const beside: Py = {
      dict: [
        ["a", storageId(weights)],
        ["b", root],
      ],
    };
    throwsCode(() => readCheckpoint(zipFile(beside, [weights])), code);
    throwsCode(() => readCheckpoint(pickle(root)), code);
  });
}

test("an attack in the pickles that carry no objects is refused", () => {
  const attack = pickle(call("os", "system", "true"));
  const start = legacyFile({ dict: [] }, []);
  throwsCode(
    () => readCheckpoint(concatBytes([start.subarray(0, 15), attack])),
    "CHECKPOINT_UNSAFE",
  );
});

test("nothing reaches JavaScript's own functions", () => {
  const before = Object.getOwnPropertyNames(Object.prototype).length;
  const root: Py = {
    dict: [
      ["__proto__", { dict: [["polluted", true]] }],
      ["constructor", { dict: [["prototype", { dict: [["polluted", true]] }]] }],
    ],
  };
  throwsCode(() => readCheckpoint(zipFile(root, [])), "CHECKPOINT_UNSUPPORTED");
  assert.is(Object.getOwnPropertyNames(Object.prototype).length, before);
  assert.is(({} as { polluted?: boolean }).polluted, undefined);
});

const BROKEN: [string, number[]][] = [
  ["an empty stack", [0x2e]],
  ["a mark for a result", [0x28, 0x2e]],
  ["a tuple without a mark", [0x74]],
  ["items of a list", [0x5d, 0x28, 0x75]],
  ["an item of a dictionary", [0x7d, 0x4e, 0x61]],
  ["a key without a value", [0x7d, 0x28, 0x4e, 0x75]],
  ["a recall of nothing", [0x68, 9]],
  ["a text of 4 GiB", [0x58, 0xff, 0xff, 0xff, 0xff, 0x61]],
  ["a text that is no UTF-8", [0x8c, 1, 0xff]],
  ["a global without an end", [0x63, ...utf8("torch")]],
  ["a global's name without an end", [0x63, ...Array(5000).fill(0x61)]],
  ["a global named by a number", [0x4e, 0x4b, 1, 0x93]],
  ["an integer that is cut off", [0x8a, 0xff, 1]],
  ["a call without a tuple", [...utf8("ctorch\nSize\n"), 0x4e, 0x52]],
  ["an unknown opcode", [0xff]],
  ["a text opcode", [...utf8("I1\n")]],
];

for (const [what, code] of BROKEN) {
  test(`refuses ${what}`, () => {
    const file = zipFile({ raw: [...code] }, []);
    throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT");
  });
}

test("protocols that are not read are named", () => {
  const file = zipFile({ raw: [0x80, 6] }, []);
  throwsCode(() => readCheckpoint(file), "CHECKPOINT_UNSUPPORTED", /protocol 6/);
});

/** Milliseconds that reading takes; it must fail. */
function timeOf(file: Uint8Array): number {
  const start = performance.now();
  assert.throws(() => readCheckpoint(file));
  return performance.now() - start;
}

const repeat = (bytes: number[], count: number) => Array(count).fill(bytes).flat() as number[];

test("depth and repetition cost time and memory by the pickle's length alone", () => {
  const n = 100_000;
  const list = [0x5d, 0x71, 0, 0x28, ...repeat([0x4e], n), 0x65];
  const bombs: number[][] = [
    repeat([0x28], n),
    [0x29, ...repeat([0x85], n)],
    [0x5d, ...repeat([0x5d], n), ...repeat([0x61], n)],
    // A list that holds itself, and lists of one list many times over: "billion laughs".
    [0x5d, 0x71, 0, ...repeat([0x68, 0, 0x61], n)],
    repeat([0x5d, 0x71, 1, 0x28, ...repeat([0x68, 0], 10), 0x65, 0x71, 0], 5000),
    // One long list made into dictionaries again and again.
    [...list, ...repeat([...utf8("ccollections\nOrderedDict\n"), 0x68, 0, 0x85, 0x52], 5000)],
    // One long tuple as the shape of tensors again and again.
    [0x28, ...repeat([0x4b, 1], n), 0x74, 0x71, 0, ...repeat([0x68, 0, 0x68, 0, 0x86], 5000)],
    [0x54, ...littleEndian(n, 4), ...repeat([0x61], n)],
    repeat([0x8a, 0xff, ...repeat([0x7f], 255)], 500),
    repeat([0x72, 0xff, 0xff, 0xff, 0xff], 3),
  ];
  for (const [i, bomb] of bombs.entries()) {
    const file = zipFile({ raw: bomb }, []);
    assert.ok(timeOf(file) < 2000, `bomb ${i}`);
  }
});

test.run();
