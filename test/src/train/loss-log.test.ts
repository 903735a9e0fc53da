/** Losses by whatever names and in whatever number, from an objective to a step's figures. */
import { full, mean, mul, mulScalar, nn, type Tensor } from "@retinaface-webgpu/tensor";
import {
  lossesOf,
  type Objective,
  Trainer,
  trainerOptions,
  weighLosses,
} from "@retinaface-webgpu/train";
import { RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);

const SIZE = 64;
const STEPS = 6;

test("losses of any number and names are logged, row by row", async () => {
  const objective: Objective = {
    loss(output) {
      const loss = mean(mul(output.loc, output.loc));
      const count = step++ % 2 === 0 ? 5 : 2;
      const named = Array.from({ length: count }, (_, i): [string, Tensor] => [
        `loss${i + 1}`,
        mulScalar(loss, i + 1),
      ]);
      return weighLosses(Object.fromEntries(named), Object.fromEntries(named.map(([n]) => [n, 1])));
    },
  };
  let step = 0;
  const options = { ...trainerOptions(plainSettings(SIZE, 3), 10), objective };
  const shape = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 };
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 5), shape);
  const trainer = new Trainer(device(), network, options);
  const random = new Random(3);
  for (let i = 0; i < STEPS; i++) await trainer.step([[makeSample(random, SIZE, 2)]]);
  const rows = await trainer.losses();
  assert.is(rows.length, STEPS);
  for (const [i, row] of rows.entries()) {
    const { total, loss1, ...others } = lossesOf(row);
    const factors = i % 2 === 0 ? [1, 2, 3, 4, 5] : [1, 2];
    assert.ok(loss1 > 0 && row.gradientNorm > 0);
    assertClose(
      [total, ...Object.values(others)],
      [factors.reduce((a, b) => a + b), ...factors.slice(1)].map((f) => f * loss1),
      { rtol: 1e-5, what: `step ${i}` },
    );
  }
  trainer.dispose();
  network.dispose();
});

test("a loss needs a weight, and a name of its own", () => {
  const loss = { total: full(device(), [], 1) };
  assert.throws(() => weighLosses({ other: loss.total }, {}), /"other" has no weight/);
  assert.throws(() => weighLosses({ step: loss.total }, { step: 1 }), /another name/);
  loss.total.dispose();
});

test.run();
