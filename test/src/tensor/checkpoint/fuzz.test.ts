import {
  CheckpointError,
  readCheckpoint,
  SafetensorsError,
  type StateDict,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes, littleEndian } from "../../support/bytes.js";
import {
  legacyFile,
  storage,
  storageId,
  tensorOf,
  zipFile,
  zipItems,
} from "../../support/checkpoint-writer.js";
import { mutations } from "../../support/mutations.js";
import { orderedDict, type Py } from "../../support/pickle-writer.js";
import { rounds } from "../../support/rounds.js";
import { workTime } from "../../support/work-time.js";
import { deflate, writeZip } from "../../support/zip-writer.js";

/** Damaged files of each kind; fixed seeds, so that a failure fails again. */
const RUNS = rounds(3000);
const SEED = 20_260_101;
/** Milliseconds; a usual one takes less than a tenth of a millisecond. */
const LONGEST = 1000;
/** A result may be this many times the file. */
const LARGEST = 64;

const weight = storage(
  "0",
  "FloatStorage",
  Float32Array.from({ length: 36 }, (_, i) => i / 7),
);
const count = storage("1", "LongStorage", BigInt64Array.of(5n));
const half = storage("2", "HalfStorage", Uint16Array.of(1, 2, 3, 4));
const storages = [weight, count, half];
const state = orderedDict([
  ["module._orig_mod.conv.weight", tensorOf({ storage: weight, shape: [4, 3, 3] })],
  [
    "module._orig_mod.conv.bias",
    tensorOf({ storage: half, shape: [2], strides: [2], parameter: true }),
  ],
  ["module._orig_mod.bn.num_batches_tracked", tensorOf({ storage: count, shape: [] })],
]);
const counter: Py = {
  call: { global: ["collections", "Counter"] },
  args: [{ dict: [[30, 1]] }],
};
const byName: Py = {
  call: { global: ["collections", "defaultdict"] },
  args: [{ global: ["builtins", "list"] }],
  items: [["a", [1, 2]]],
};
const root: Py = {
  dict: [
    ["epoch", 3],
    [
      "scheduler",
      {
        dict: [
          ["milestones", counter],
          ["seen", byName],
        ],
      },
    ],
    ["lr", 0.5],
    ["optimizer", [{ tuple: [1, 2n ** 70n, null, true] }, storageId(weight)]],
    ["state_dict", state],
  ],
};

/** How often each outcome came: that files are read and that they are refused must both happen. */
function fuzz(make: (mutate: (bytes: Uint8Array) => Uint8Array) => Uint8Array, seed: number) {
  const outcomes = new Map<string, number>();
  const property = fc.property(mutations, (mutate) => {
    const file = make(mutate);
    const start = workTime();
    const outcome = outcomeOf(file);
    const time = workTime() - start;
    if (time > LONGEST) throw new Error(`${outcome} after ${time} ms`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  });
  fc.assert(property, { numRuns: RUNS, seed });
  return outcomes;
}

function outcomeOf(file: Uint8Array): string {
  try {
    const tensors = readCheckpoint(file);
    const size = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    if (size > LARGEST * file.length) throw new Error(`${size} bytes of a file of ${file.length}`);
    return "read";
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof SafetensorsError) return error.code;
    throw error;
  }
}

function assertSpread(outcomes: Map<string, number>, ...expected: string[]): void {
  console.log(`# ${[...outcomes].map(([outcome, n]) => `${outcome} ${n}`).join(", ")}`);
  for (const outcome of expected) assert.ok((outcomes.get(outcome) ?? 0) >= 10, outcome);
}

test("damaged legacy checkpoints", () => {
  const files = ([2, 4] as const).map((protocol) => legacyFile(root, storages, { protocol }));
  for (const [i, file] of files.entries()) {
    const outcomes = fuzz((mutate) => mutate(file), SEED + i);
    assertSpread(outcomes, "read", "CHECKPOINT_CORRUPT", "CHECKPOINT_UNSAFE");
  }
});

test("damaged ZIP checkpoints", async () => {
  const deflated = await Promise.all(
    zipItems(root, storages).map(async (item) => ({ ...item, deflated: await deflate(item.data) })),
  );
  const files = [
    zipFile(root, storages),
    zipFile(root, storages, { zip64: true }),
    writeZip(deflated),
    writeZip(deflated.map((item) => ({ ...item, crc: 0 }))),
  ];
  let n = 0;
  const outcomes = fuzz((mutate) => mutate(files[n++ % files.length]), SEED + 2);
  assertSpread(outcomes, "read", "CHECKPOINT_CORRUPT", "CHECKPOINT_UNSUPPORTED");
});

test("ZIP checkpoints of damaged pickles, with good checksums", () => {
  for (const [i, protocol] of ([2, 4] as const).entries()) {
    const items = zipItems(root, storages, protocol);
    const outcomes = fuzz(
      (mutate) => writeZip([{ ...items[0], data: mutate(items[0].data) }, ...items.slice(1)]),
      SEED + 3 + i,
    );
    assertSpread(outcomes, "read", "CHECKPOINT_CORRUPT", "CHECKPOINT_UNSAFE");
  }
});

const tensors: StateDict = new Map([
  ["conv.weight", { dtype: "f32", shape: [2, 3], data: new Float32Array(6).fill(0.5) }],
  ["conv.bias", { dtype: "f16", shape: [2], data: Uint16Array.of(1, 2) }],
  ["bn.num_batches_tracked", { dtype: "i64", shape: [], data: BigInt64Array.of(9n) }],
]);
const safetensors = writeSafetensors(tensors, { format: "pt" });

test("damaged safetensors", () => {
  const outcomes = fuzz((mutate) => mutate(safetensors), SEED + 5);
  assertSpread(outcomes, "read", "SAFETENSORS_CORRUPT");
});

test("safetensors of a damaged header, with a good length", () => {
  const end = 8 + Number(new DataView(safetensors.buffer).getBigUint64(0, true));
  const outcomes = fuzz((mutate) => {
    const header = mutate(safetensors.subarray(8, end));
    return concatBytes([littleEndian(header.length, 8), header, safetensors.subarray(end)]);
  }, SEED + 6);
  assertSpread(outcomes, "read", "SAFETENSORS_CORRUPT");
});

test("noise", () => {
  const starts = [[0x80, 2], [0x50, 0x4b, 3, 4], [2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d], []];
  const noise = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }));
  const property = fc.property(noise, ([start, rest]) => {
    assert.not.equal(outcomeOf(Uint8Array.from([...start, ...rest])), "");
  });
  fc.assert(property, { numRuns: RUNS, seed: SEED + 7 });
});

test.run();
