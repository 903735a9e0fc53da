/** Dynamic loss scaling by PyTorch's rules, eager and in a compiled step. */
import {
  compileStep,
  mean,
  nn,
  optim,
  square,
  sub,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { rejectsCode, throwsCode } from "../support/throws.js";

const device = useDevice(test);

/** y = 2x − 1, with a sample that makes gradients infinite where `broken`. */
function dataOf(broken: boolean) {
  const x = broken ? [1, 3e38, -1, 2] : [1, 0.5, -1, 2];
  return { x, y: [1, 0, -3, 3] };
}

function makeNetwork() {
  const network = new nn.Linear(nn.Init.seeded(device(), 3), 1, 1);
  const optimizer = new optim.AdamW(network.parameters(), { lr: 0.1 });
  const loss = (x: Tensor, y: Tensor) => mean(square(sub(network.forward(x), y)));
  const weights = async () =>
    [...(await network.stateDict()).values()].flatMap(({ data }) => Array.from(data, Number));
  const dispose = () => {
    optimizer.dispose();
    network.dispose();
  };
  return { network, optimizer, loss, weights, dispose };
}

const BROKEN = [false, true, false, false, false, true, false];
const options = { initScale: 1024, growthInterval: 2 };
/** Halved by the second step and the sixth, doubled by two good ones in a row. */
const SCALES = [1024, 512, 512, 1024, 1024, 512, 512];

/** Weights after each step: without a scaler those of broken steps left out by hand. */
async function expectedWeights() {
  const { optimizer, loss, weights, dispose } = makeNetwork();
  const all: number[][] = [];
  for (const broken of BROKEN) {
    const { x, y } = dataOf(broken);
    if (!broken) {
      tidy(() => loss(tensor(device(), x, [4, 1]), tensor(device(), y, [4, 1])).backward());
      optimizer.step();
      optimizer.zeroGrad();
    }
    all.push(await weights());
  }
  dispose();
  return all;
}

test("the scale grows and halves; broken steps change nothing; the others are as without", async () => {
  const expected = await expectedWeights();
  const { optimizer, loss, weights, dispose } = makeNetwork();
  const scaler = new optim.GradScaler(device(), options);
  for (const [i, broken] of BROKEN.entries()) {
    const { x, y } = dataOf(broken);
    tidy(() => {
      const value = loss(tensor(device(), x, [4, 1]), tensor(device(), y, [4, 1]));
      scaler.scale(value).backward();
    });
    if (i % 2 === 0) assert.is(await scaler.unscale(optimizer), !broken);
    assert.is(await scaler.step(optimizer), !broken);
    optimizer.zeroGrad();
    scaler.update();
    assert.is(scaler.getScale(), SCALES[i], `step ${i}`);
    assertClose(await weights(), expected[i], { rtol: 1e-6, atol: 1e-7, what: `step ${i}` });
  }
  scaler.dispose();
  dispose();
});

test("a compiled step does the same, of one batch and of two", async () => {
  const expected = await expectedWeights();
  for (const of of [1, 2]) {
    const { optimizer, loss, weights, dispose } = makeNetwork();
    const scaler = new optim.GradScaler(device(), options);
    const info = { shape: [4, 1], dtype: "f32" } as const;
    const step = await compileStep(device(), {
      inputs: { x: info, y: info },
      losses: ({ x, y }) => ({ total: loss(x, y) }),
      optimizer,
      scaler,
      accumulate: of > 1,
    });
    for (const [i, broken] of BROKEN.entries()) {
      const { x, y } = dataOf(broken);
      step.inputs.x.write(x);
      step.inputs.y.write(y);
      for (let batch = 0; batch < of; batch++) {
        const taken = await step.runScaled({ batch, of });
        assert.is(taken, !broken || batch < of - 1);
      }
      assert.is(scaler.getScale(), SCALES[i], `step ${i}`);
      assertClose(await weights(), expected[i], { rtol: 1e-6, atol: 1e-7, what: `step ${i}` });
    }
    throwsCode(() => step.run(), "STEP", /runScaled/);
    step.dispose();
    scaler.dispose();
    dispose();
  }
});

test("its state goes on, and wrong use is told", async () => {
  const scaler = new optim.GradScaler(device());
  assert.equal(scaler.stateDict(), { scale: 65536, growthTracker: 0 });
  scaler.loadStateDict({ scale: 3, growthTracker: 1999 });
  assert.equal(await scaler.seed.data(), Float32Array.of(3));
  scaler.update(true);
  assert.equal(scaler.stateDict(), { scale: 6, growthTracker: 0 });
  throwsCode(() => scaler.update(), "OPTIMIZER", /step\(\)/);
  throwsCode(() => scaler.loadStateDict({ scale: 0, growthTracker: 0 }), "OPTIMIZER", /scale/);
  throwsCode(() => new optim.GradScaler(device(), { backoffFactor: 2 }), "OPTIMIZER", /backoff/);
  const { optimizer, dispose } = makeNetwork();
  await scaler.unscale(optimizer);
  await rejectsCode(scaler.unscale(optimizer), "OPTIMIZER", /update\(\)/);
  scaler.dispose();
  dispose();
});

test.run();
