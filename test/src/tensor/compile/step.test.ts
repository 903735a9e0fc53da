import {
  type CompiledStep,
  compileStep,
  full,
  type nn,
  optim,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import {
  type SmallBatch,
  SmallDetector,
  smallBatch,
  smallInputs,
  smallLosses,
  uploadSmall,
} from "../../support/step-network.js";

const device = useDevice(test);

type AnyOptimizer = optim.Optimizer<optim.GroupOptions>;

/** A network with what trains it. */
interface Run {
  readonly network: SmallDetector;
  readonly optimizer: AnyOptimizer;
  readonly average: optim.EMA;
}

interface Case {
  readonly name: string;
  readonly optimizer: (network: SmallDetector) => AnyOptimizer;
  readonly prepare?: (network: SmallDetector) => void;
  /** Of the activations. */
  readonly slope?: number;
  readonly count: number;
  /** Batches a step. */
  readonly batches?: number;
}

const CLIP = 0.8;
const STEPS = 4;

function makeRun({ optimizer, prepare, slope }: Case): Run {
  const network = new SmallDetector(device(), 5, slope);
  prepare?.(network);
  return { network, optimizer: optimizer(network), average: new optim.EMA(network, 0.9) };
}

function disposeRun({ network, optimizer, average }: Run): void {
  optimizer.dispose();
  average.dispose();
  network.dispose();
}

type Read = Record<string, number>;

async function eagerStep(run: Run, batches: readonly SmallBatch[], count: number): Promise<Read[]> {
  const { network, optimizer, average } = run;
  const read: Read[] = [];
  for (const batch of batches) {
    const inputs = uploadSmall(device(), batch, count);
    const losses = tidy(() => {
      const named = smallLosses(network)(inputs);
      named.total.backward(full(device(), [], 1 / batches.length));
      return named;
    });
    const values = await Promise.all(Object.values(losses).map((loss) => loss.item()));
    read.push(Object.fromEntries(Object.keys(losses).map((name, i) => [name, values[i]])));
    for (const tensor of [...Object.values(losses), ...Object.values(inputs)]) tensor.dispose();
  }
  const norm = optim.clipGradNorm(network.parameters(), CLIP)!;
  read[read.length - 1].gradientNorm = await norm.item();
  norm.dispose();
  optimizer.step();
  optimizer.zeroGrad();
  average.update();
  return read;
}

/** Fills everything that a step may not rely on with NaN. */
function poison(step: CompiledStep): void {
  device().flush();
  for (const { buffer, size } of step.arena) {
    const bytes = new Uint32Array(size! / 4).fill(0x7fc00001);
    device().gpuDevice.queue.writeBuffer(buffer, 0, bytes);
  }
}

async function compiledStep(
  step: CompiledStep<keyof SmallBatch>,
  batches: readonly SmallBatch[],
): Promise<Read[]> {
  const read: Read[] = [];
  for (const [batch, values] of batches.entries()) {
    for (const name of ["image", "labels", "boxes"] as const) step.inputs[name].write(values[name]);
    poison(step);
    step.run({ batch, of: batches.length });
    const { gradientNorm, ...losses } = await step.read();
    read.push(batch === batches.length - 1 ? { ...losses, gradientNorm } : losses);
  }
  return read;
}

async function compileRun(run: Run, count: number, accumulate: boolean) {
  const { network, optimizer, average } = run;
  const losses = smallLosses(network);
  const common = { losses, optimizer, average, clip: CLIP, accumulate };
  return compileStep(device(), { ...common, inputs: smallInputs(count) });
}

async function assertSameState(actual: Run, expected: Run): Promise<void> {
  const tolerance = { rtol: 1e-5, atol: 1e-7 };
  const states = (run: Run) =>
    Promise.all([run.network.stateDict(), run.average.stateDict()] as const);
  const [a, b] = [await states(actual), await states(expected)];
  for (const [k, state] of b.entries()) {
    for (const [name, { data }] of state) {
      const values = Array.from(a[k].get(name)!.data, Number);
      const what = `${["network", "average"][k]} ${name}`;
      assertClose(values, Array.from(data, Number), { ...tolerance, what });
    }
  }
  const memory = [await actual.optimizer.stateDict(), await expected.optimizer.stateDict()];
  assert.equal([...memory[0].tensors.keys()].sort(), [...memory[1].tensors.keys()].sort());
  for (const [name, { data }] of memory[1].tensors) {
    const values = Array.from(memory[0].tensors.get(name)!.data, Number);
    assertClose(values, Array.from(data, Number), { ...tolerance, what: `optimizer ${name}` });
  }
}

const sgd = (network: nn.Module) =>
  new optim.SGD(network.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 });

const cases: Case[] = [
  { name: "SGD with momentum, one image", optimizer: sgd, count: 1 },
  { name: "SGD with momentum, three images", optimizer: sgd, count: 3 },
  {
    name: "AdamW, two groups of weights and biases, several batches a step",
    optimizer: (network) => {
      const named = [...network.namedParameters()];
      const pick = (bias: boolean) =>
        named.filter(([name]) => name.endsWith("bias") === bias).map(([, p]) => p);
      const groups = [
        { parameters: pick(false), lr: 0.01 },
        { parameters: pick(true), weightDecay: 0 },
      ];
      return new optim.AdamW(groups, { lr: 0.02 });
    },
    count: 2,
    batches: 3,
  },
  {
    name: "frozen stem, batch norm in inference mode there",
    optimizer: (network) =>
      new optim.SGD(network.parameters(), { lr: 0.05, momentum: 0.8, nesterov: true }),
    prepare: ({ stem }) => void stem.eval().requiresGrad(false),
    count: 2,
  },
  {
    name: "batch norm in inference mode everywhere",
    optimizer: (network) => new optim.SGD(network.parameters(), { lr: 0.01 }),
    prepare: (network) => void network.eval(),
    count: 2,
  },
];

for (const each of cases) {
  test(`a compiled step is the eager one: ${each.name}`, async () => {
    const { count, batches = 1 } = each;
    const [eager, compiled] = [makeRun(each), makeRun(each)];
    const step = await compileRun(compiled, count, batches > 1);
    for (let i = 0; i < STEPS; i++) {
      const data = Array.from({ length: batches }, (_, k) => smallBatch(10 * i + k, count));
      for (const { optimizer } of [eager, compiled]) optimizer.scaleLearningRate(1 / (1 + i));
      const [expected, actual] = [
        await eagerStep(eager, data, count),
        await compiledStep(step, data),
      ];
      for (const [k, read] of expected.entries()) {
        assert.equal(Object.keys(actual[k]), Object.keys(read));
        const what = `losses of step ${i}, batch ${k}`;
        assertClose(Object.values(actual[k]), Object.values(read), { rtol: 1e-5, what });
      }
    }
    await assertSameState(compiled, eager);
    assert.ok(step.stats.arenaBytes < step.stats.valueBytes, "buffers are shared");
    step.dispose();
    for (const run of [eager, compiled]) disposeRun(run);
  });
}

test("eager and compiled steps of one run take turns, and two shapes share the state", async () => {
  const [alone, mixed] = [makeRun(cases[1]), makeRun(cases[1])];
  const [one, two] = [await compileRun(mixed, 1, false), await compileRun(mixed, 2, false)];
  for (const [i, count] of [1, 2, 2, 1, 2, 1].entries()) {
    const data = [smallBatch(i, count)];
    await eagerStep(alone, data, count);
    if (i % 3 === 2) await eagerStep(mixed, data, count);
    else await compiledStep(count === 1 ? one : two, data);
  }
  await assertSameState(mixed, alone);
  for (const step of [one, two]) step.dispose();
  for (const run of [alone, mixed]) disposeRun(run);
});

test("what is saved after some steps goes on to the bit", async () => {
  const steps = (i: number) => [smallBatch(i, 2)];
  const [whole, first, second] = [makeRun(cases[1]), makeRun(cases[1]), makeRun(cases[1])];
  const go = async (run: Run, from: number, to: number) => {
    const step = await compileRun(run, 2, false);
    for (let i = from; i < to; i++) await compiledStep(step, steps(i));
    step.dispose();
  };
  await go(whole, 0, 6);
  await go(first, 0, 3);
  second.network.loadStateDict(await first.network.stateDict());
  second.optimizer.loadStateDict(await first.optimizer.stateDict());
  second.average.loadStateDict(await first.average.stateDict());
  second.average.updates = first.average.updates;
  await go(second, 3, 6);
  const [a, b] = [await second.network.stateDict(), await whole.network.stateDict()];
  for (const [name, { data }] of b) assert.equal(a.get(name)!.data, data, name);
  const averages = [await second.average.stateDict(), await whole.average.stateDict()];
  for (const [name, { data }] of averages[1]) assert.equal(averages[0].get(name)!.data, data, name);
  for (const run of [whole, first, second]) disposeRun(run);
});

test("gradients of a compiled step by finite differences", async () => {
  const optimizer = (network: SmallDetector) => new optim.SGD(network.parameters(), { lr: 1 });
  // A kink that a difference reaches over is almost none at this slope.
  const run = makeRun({ name: "differences", optimizer, count: 2, slope: 0.8 });
  const { network } = run;
  const step = await compileRun(run, 2, false);
  const batch = smallBatch(3, 2);
  const before = await network.stateDict();
  run.optimizer.groups[0].lr = 0;
  const lossAt = async (name: string, index: number, shift: number): Promise<number> => {
    const changed = new Map(before);
    const { data, shape } = before.get(name)!;
    const moved = Float32Array.from(data as Float32Array);
    moved[index] += shift;
    changed.set(name, { dtype: "f32", shape, data: moved });
    network.loadStateDict(changed);
    return (await compiledStep(step, [batch]))[0].total;
  };
  const differences = new Map<string, number>();
  const H = 4e-3;
  for (const [name, { size }] of network.namedParameters()) {
    const index = size >> 1;
    const slope = (await lossAt(name, index, H)) - (await lossAt(name, index, -H));
    differences.set(`${name} ${index}`, slope / (2 * H));
  }
  network.loadStateDict(before);
  run.optimizer.groups[0].lr = 1;
  const [{ gradientNorm }] = await compiledStep(step, [batch]);
  const scale = Math.min(1, CLIP / (gradientNorm + 1e-6));
  const after = await network.stateDict();
  for (const [key, slope] of differences) {
    const [name, index] = key.split(" ");
    const moved = Number(before.get(name)!.data[+index]) - Number(after.get(name)!.data[+index]);
    assertClose([moved / scale], [slope], { rtol: 2e-2, atol: 2e-3, what: key });
  }
  step.dispose();
  disposeRun(run);
});

test("a run allocates nothing, and disposing gives everything back", async () => {
  const run = makeRun(cases[0]);
  // The optimizer's memory and the places side by side stay.
  (await compileRun(run, 1, false)).dispose();
  await device().sync();
  const { liveBuffers } = device().memory();
  const step = await compileRun(run, 1, false);
  const batch = [smallBatch(1, 1)];
  await compiledStep(step, batch);
  const during = device().memory();
  for (let i = 0; i < 3; i++) await compiledStep(step, batch);
  const after = device().memory();
  assert.is(after.liveBuffers, during.liveBuffers);
  assert.is(after.dispatches - during.dispatches, 3 * step.stats.dispatches);
  step.dispose();
  assert.is(device().memory().liveBuffers, liveBuffers);
  disposeRun(run);
});

test.run();
