import { add, mul, nn, optim, sum, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AdamReference, adamStep, type SgdReference, sgdStep } from "../reference/optim.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";

const device = useDevice(test);
const STEPS = 6;

/** Vector lengths that take the vec4 and the scalar kernel. */
const SIZES = [[8], [7], [3, 5, 1, 1]];

function parameterOf(values: Float64Array, shape: readonly number[]): nn.Parameter {
  return nn.Parameter.from(device(), Float32Array.from(values), [...shape]);
}

function giveGradient(parameter: nn.Parameter, values: ArrayLike<number>): void {
  parameter.grad?.dispose();
  parameter.grad = tensor(device(), values, parameter.shape);
}

/** Runs steps with the same random gradients on the GPU and in float64. */
async function compareSteps(
  name: string,
  shape: readonly number[],
  make: (parameter: nn.Parameter) => optim.Optimizer<optim.GroupOptions>,
  reference: (weights: Float64Array, gradient: Float64Array) => void,
): Promise<void> {
  const random = new Random(shape.length);
  const size = shape.reduce((a, b) => a * b, 1);
  const weights = Float64Array.from(random.normals(size));
  const parameter = parameterOf(weights, shape);
  for (const [i, w] of (await parameter.data()).entries()) weights[i] = Number(w);
  const optimizer = make(parameter);
  for (let step = 0; step < STEPS; step++) {
    const gradient = Float64Array.from(random.normals(size));
    if (step === 3) gradient.fill(0);
    giveGradient(parameter, gradient);
    optimizer.step();
    reference(weights, gradient);
  }
  assertClose(await parameter.data(), weights, { atol: 1e-6, rtol: 2e-6, what: name });
  optimizer.zeroGrad();
  assert.is(parameter.grad, undefined);
  optimizer.dispose();
  parameter.dispose();
}

const sgdCases: SgdReference[] = [
  { lr: 0.1 },
  { lr: 0.1, weightDecay: 0.05 },
  { lr: 0.05, momentum: 0.9 },
  { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 },
  { lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 },
];

for (const options of sgdCases) {
  test(`SGD ${JSON.stringify(options)} against float64`, async () => {
    for (const shape of SIZES) {
      let velocity: Float64Array | undefined;
      await compareSteps(
        `SGD [${shape}]`,
        shape,
        (parameter) => new optim.SGD([parameter], options),
        (weights, gradient) => {
          velocity = sgdStep(weights, gradient, velocity, options);
        },
      );
    }
  });
}

const adamCases: AdamReference[] = [
  { lr: 0.01, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, decoupled: false },
  { lr: 0.02, betas: [0.8, 0.95], eps: 1e-6, weightDecay: 0.1, decoupled: false },
  { lr: 0.02, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.1, decoupled: true },
];

for (const options of adamCases) {
  const { decoupled, ...own } = options;
  test(`${decoupled ? "AdamW" : "Adam"} ${JSON.stringify(own)} against float64`, async () => {
    for (const shape of SIZES) {
      const size = shape.reduce((a, b) => a * b, 1);
      const state = { t: 0, m: new Float64Array(size), v: new Float64Array(size) };
      await compareSteps(
        `Adam [${shape}]`,
        shape,
        (parameter) => new optim[decoupled ? "AdamW" : "Adam"]([parameter], own),
        (weights, gradient) => adamStep(weights, gradient, state, options),
      );
    }
  });
}

test("zero gradients from the start leave Adam's weights as they are, not NaN", async () => {
  const parameter = parameterOf(Float64Array.of(1, -2, 3, 0), [4]);
  const optimizer = new optim.Adam([parameter]);
  giveGradient(parameter, [0, 0, 0, 0]);
  optimizer.step();
  assert.equal([...(await parameter.data())], [1, -2, 3, 0]);
});

test("groups have options of their own, and schedules scale each one's rate", async () => {
  const [a, b, frozen] = [0, 1, 2].map(() => parameterOf(Float64Array.of(1, 1), [2]));
  frozen.requiresGrad = false;
  const optimizer = new optim.SGD(
    [{ parameters: [a] }, { parameters: [b, frozen], lr: 0.01, weightDecay: 1 }],
    { lr: 0.1 },
  );
  optimizer.scaleLearningRate(0.5);
  for (const p of [a, b, frozen]) giveGradient(p, [1, 1]);
  optimizer.step();
  assertClose(await a.data(), [0.95, 0.95], { atol: 1e-7 });
  assertClose(await b.data(), [0.99, 0.99], { atol: 1e-7 });
  assert.equal([...(await frozen.data())], [1, 1]);
  assert.throws(() => new optim.SGD([{ parameters: [a] }, { parameters: [a] }], { lr: 1 }), /two/);
  assert.throws(() => new optim.SGD([a], { lr: -1 }), /lr must be/);
  assert.throws(() => new optim.SGD([a], { lr: 1, nesterov: true }), /Nesterov/);
});

/** A few steps of a tiny regression, so that gradients depend on the weights. */
function descend(parameters: nn.Parameter[], optimizer: optim.Optimizer<optim.GroupOptions>): void {
  tidy(() => {
    const terms: Tensor[] = parameters.map((p) => sum(mul(mul(p, p), p)));
    terms.reduce((a, b) => add(a, b)).backward();
  });
  optimizer.step();
  optimizer.zeroGrad();
}

for (const kind of ["SGD", "AdamW"] as const) {
  test(`${kind} resumed from its state gives the same bits as an uninterrupted run`, async () => {
    const make = (parameters: nn.Parameter[]) =>
      kind === "SGD"
        ? new optim.SGD(parameters, { lr: 0.01, momentum: 0.9 })
        : new optim.AdamW(parameters, {
            lr: 0.01,
          });
    const start = [Float64Array.of(0.3, -0.7, 1.1), Float64Array.of(0.5, 0.25, -1, 2)];
    const whole = start.map((v) => parameterOf(v, [v.length]));
    const optimizer = make(whole);
    for (let i = 0; i < 3; i++) descend(whole, optimizer);
    const saved = await optimizer.stateDict();
    const middle = await Promise.all(whole.map((p) => p.data()));
    for (let i = 0; i < 3; i++) descend(whole, optimizer);
    const resumed = middle.map((v) =>
      parameterOf(Float64Array.from(v as Float32Array), [v.length]),
    );
    const second = make(resumed);
    second.loadStateDict(structuredClone(saved));
    for (let i = 0; i < 3; i++) descend(resumed, second);
    for (const [i, p] of whole.entries()) {
      assert.equal([...(await resumed[i].data())], [...(await p.data())]);
    }
    const other = make([resumed[0]]);
    assert.throws(() => other.loadStateDict(saved), /does not fit/);
  });
}

test("parameters that miss steps keep their own memory and step count", async () => {
  const random = new Random(8);
  const options = { lr: 0.05, betas: [0.9, 0.99] as const, eps: 1e-8, weightDecay: 0 };
  const sizes = [5, 4, 3];
  const takesPart = [[0, 1, 2], [0, 2], [0, 2], [1], [0, 1, 2], [2, 1], [0, 1, 2]];
  const expected = sizes.map((n) => Float64Array.from(random.normals(n)));
  const states = sizes.map((n) => ({ t: 0, m: new Float64Array(n), v: new Float64Array(n) }));
  const parameters = expected.map((values, i) => parameterOf(values, [sizes[i]]));
  const optimizer = new optim.Adam(parameters, options);
  for (const active of takesPart) {
    optimizer.zeroGrad();
    for (const i of active) {
      const gradient = random.normals(sizes[i]);
      giveGradient(parameters[i], gradient);
      adamStep(expected[i], gradient, states[i], { ...options, decoupled: false });
    }
    optimizer.step();
  }
  for (const [i, p] of parameters.entries()) {
    assertClose(await p.data(), expected[i], { atol: 1e-6, rtol: 2e-6, what: `parameter ${i}` });
  }
  const { tensors } = await optimizer.stateDict();
  assert.equal(
    sizes.map((_, i) => Number(tensors.get(`${i}.step`)!.data[0])),
    states.map(({ t }) => t),
  );
  assertClose(tensors.get("1.first")!.data as Float32Array, states[1].m, { atol: 1e-6 });
});

test("clipping by the norm of all gradients, without a read-back", async () => {
  const random = new Random(5);
  const sizes = [3, 4, 1000, 100_003];
  const gradients = sizes.map((n) => Float64Array.from(random.normals(n)));
  const norm = Math.sqrt(gradients.flatMap((g) => [...g]).reduce((s, v) => s + v * v, 0));
  for (const maxNorm of [norm / 10, norm * 2]) {
    const parameters = sizes.map((n) => parameterOf(new Float64Array(n), [n]));
    for (const [i, p] of parameters.entries()) giveGradient(p, gradients[i]);
    const before = device().memory().submits;
    const measured = optim.clipGradNorm(parameters, maxNorm)!;
    assert.is(device().memory().submits, before);
    assertClose([await measured.item()], [norm], { rtol: 1e-6 });
    const factor = Math.min(1, maxNorm / (norm + 1e-6));
    for (const [i, p] of parameters.entries()) {
      const expected = gradients[i].map((v) => v * factor);
      assertClose(await p.grad!.data(), expected, { atol: 1e-9, rtol: 2e-6 });
    }
    for (const p of parameters) {
      p.grad?.dispose();
      p.dispose();
    }
  }
  assert.is(optim.clipGradNorm([parameterOf(new Float64Array(1), [1])], 1), undefined);
});

test("a NaN among the gradients shows in the norm and is not hidden by clipping", async () => {
  const parameter = parameterOf(new Float64Array(4), [4]);
  giveGradient(parameter, [1, Number.NaN, 2, 3]);
  const norm = optim.clipGradNorm([parameter], 1)!;
  assert.ok(Number.isNaN(await norm.item()));
  assert.ok(Number.isNaN(Number((await parameter.grad!.data())[1])));
});

test("schedules are functions of the step", () => {
  const step = optim.stepLR(10, 0.5);
  assert.equal([0, 9, 10, 25].map(step), [1, 1, 0.5, 0.25]);
  const multi = optim.multiStepLR([5, 8], 0.1);
  assertClose([4, 5, 8, 100].map(multi), [1, 0.1, 0.01, 0.01], { atol: 1e-15 });
  const cosine = optim.cosineLR(100, 0.1);
  assertClose([0, 50, 100, 300].map(cosine), [1, 0.55, 0.1, 0.1], { atol: 1e-12 });
  const warm = optim.linearWarmup(4, multi, 0.2);
  assertClose([0, 1, 2, 3, 4, 5].map(warm), [0.2, 0.4, 0.6, 0.8, 1, 0.1], { atol: 1e-12 });
  assert.equal([0, 5].map(optim.linearWarmup(0, multi)), [1, 0.1]);
  assert.throws(() => optim.cosineLR(0), /positive/);
});

test("EMA follows the weights, swaps with them and resumes", async () => {
  const layer = new nn.BatchNorm2d(nn.Init.seeded(device(), 1), 3);
  const average = new optim.EMA(layer, 0.9);
  let expected = 1;
  for (let n = 0; n < 20; n++) {
    layer.weight.write([n, n, n]);
    average.update();
    const decay = Math.min(0.9, (1 + n) / (10 + n));
    expected = decay * expected + (1 - decay) * n;
  }
  const saved = await average.stateDict();
  assertClose(saved.get("weight")!.data as Float32Array, [expected, expected, expected], {
    rtol: 1e-6,
  });
  average.swap();
  assertClose(await layer.weight.data(), [expected, expected, expected], { rtol: 1e-6 });
  average.swap();
  assert.equal([...(await layer.weight.data())], [19, 19, 19]);
  const again = new optim.EMA(layer, 0.9);
  again.loadStateDict(saved);
  again.swap();
  assert.equal([...(await layer.weight.data())], [...(saved.get("weight")!.data as Float32Array)]);
  assert.throws(() => again.loadStateDict(new Map()), /do not fit/);
});

test("a step without any gradient is warned of once", () => {
  const p = nn.Parameter.from(device(), Float32Array.of(1), [1]);
  const optimizer = new optim.SGD([p], { lr: 0.1 });
  const heard: string[] = [];
  const { warn } = console;
  console.warn = (message: string) => heard.push(message);
  try {
    optimizer.step();
    optimizer.step();
  } finally {
    console.warn = warn;
  }
  assert.is(heard.length, 1);
  assert.match(heard[0], /no parameter of the optimizer has a gradient.*backward\(\)/);
  p.dispose();
});

test.run();
