import {
  compileKernels,
  conv2dWeightGradient,
  copy,
  encodeProgram,
  instantiateKernels,
  MEMORY_PAGES,
  pointwise,
  threadBytes,
} from "@retinaface-webgpu/kernels-wasm";
import { WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";

const COUNT = 24;
const ROWS = 40;

/** Copies of one row each that join one another, sums that need them all, and so on. */
function steps() {
  const one = copy({ rows: ROWS, width: 1, inStride: 1, outStride: COUNT });
  const sum = pointwise({
    kind: "add",
    rows: 1,
    width: COUNT * ROWS,
    activation: { kind: "none" },
  });
  const copies = Array.from({ length: COUNT }, (_, i) => ({
    kernel: one,
    places: { input: { offset: 0 }, output: { offset: 1024 + i * 4 } },
    joins: i > 0,
  }));
  const made = { offset: 1024 };
  const doubled = { offset: 8192 };
  return [
    ...copies,
    { kernel: sum, places: { a: made, b: made, output: doubled }, joins: false },
    { kernel: sum, places: { a: doubled, b: made, output: { offset: 16384 } }, joins: false },
  ];
}

const VALUES = Float32Array.from({ length: ROWS }, (_, i) => i * 1.5 - 7);
const EXPECTED = Array.from({ length: ROWS * COUNT }, (_, i) => 3 * VALUES[Math.floor(i / COUNT)]);

for (const threads of [1, 2, 3]) {
  test(`steps that join others, ${threads} threads`, async () => {
    const engine = await WasmEngine.create({ threads });
    try {
      for (let run = 0; run < 20; run++) {
        const [result] = await engine.run({
          bytes: 32768,
          steps: steps(),
          writes: [{ place: { offset: 0 }, data: VALUES }],
          reads: [{ place: { offset: 16384 }, bytes: ROWS * COUNT * 4 }],
        });
        assert.equal([...new Float32Array(result)], EXPECTED);
      }
    } finally {
      engine.dispose();
    }
  });
}

test("a program with steps that join others runs again as it is", async () => {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: MEMORY_PAGES, shared: true });
  const kernels = await instantiateKernels(await compileKernels(), memory);
  const program = encodeProgram(
    steps().map(({ kernel, places, joins }) => ({
      kernel,
      joins,
      addressOf: (name) => 1024 + (places as Record<string, { offset: number }>)[name].offset,
    })),
    0,
  );
  const words = new Int32Array(memory.buffer);
  words.set(program, 65536 / 4);
  const floats = new Float32Array(memory.buffer);
  floats.set(VALUES, 256);
  for (let run = 0; run < 2; run++) {
    floats.fill(Number.NaN, 2048 / 4, 65536 / 4);
    kernels.run(65536, 64, 0, 1);
    assert.equal([...floats.subarray(17408 / 4, 17408 / 4 + ROWS * COUNT)], EXPECTED);
    assert.equal(words.slice(65536 / 4, 65536 / 4 + program.length), program);
  }
});

/** Weight gradients of two sizes, whose threads want little and much memory of their own. */
const GRADIENTS = [4, 12].map((inChannels) =>
  conv2dWeightGradient({
    batch: 1,
    inHeight: 40,
    inWidth: 24,
    inChannels,
    outChannels: 8,
    kernelSize: [3, 3],
    stride: [1, 1],
    padding: [1, 1, 1, 1],
    dilation: [1, 1],
    groups: 1,
    activation: { kind: "none" },
  }),
);

test("threads at joined steps that want different memory keep off one another's", () => {
  const [small, large] = GRADIENTS.map(({ kernels }) => kernels[0]);
  const [{ field: a, bytes: few }, { field: b, bytes: many }] = [small.scratch!, large.scratch!];
  assert.is.not(few, many);
  const program = encodeProgram(
    [small, large].map((kernel) => ({ kernel, joins: true, addressOf: () => 64 })),
    4096,
  );
  const second = small.words.length;
  const stride = threadBytes([{ kernel: small }, { kernel: large }]);
  assert.ok(stride >= Math.max(few, many) && stride % 64 === 0);
  assert.equal([...program.slice(a, a + 2)], [4096, stride]);
  assert.equal([...program.slice(second + b, second + b + 2)], [4096, stride]);
});

test.run();
