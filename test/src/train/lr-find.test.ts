/** A learning rate read off a sweep, and networks that start from a backbone alone. */
import { nn } from "@retinaface-webgpu/tensor";
import {
  backboneAlone,
  findLearningRate,
  initialiseNetwork,
  isLost,
  plotLrFinding,
  type RatedLoss,
  smooth,
  sweepSchedule,
} from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";

const device = useDevice(test);

/** A loss of 5 that falls around `at`, and rises steeply from `end` on. */
function sweep(at: number, end: number, steps = 200): RatedLoss[] {
  const schedule = sweepSchedule(1e-6, 1, steps);
  return Array.from({ length: steps }, (_, step) => {
    const lr = 1e-6 * schedule(step);
    return { lr, loss: 1 + 4 / (1 + (lr / at) ** 2) + (lr / end) ** 3 };
  });
}

test("a sweep rises by equal factors from the first rate to the last", () => {
  const schedule = sweepSchedule(1e-5, 1e-1, 5);
  assertClose(
    [0, 1, 2, 3, 4].map((step) => 1e-5 * schedule(step)),
    [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
    { rtol: 1e-12 },
  );
  assert.is(sweepSchedule(1, 2, 1)(0), 1);
});

test("the smoothed loss is the weighted mean of those so far", () => {
  const losses = [3, 1, 4, 1, 5].map((loss, i) => ({ lr: i + 1, loss }));
  const expected = losses.map((_, n) => {
    const weights = losses.slice(0, n + 1).map((_, i) => 0.9 ** (n - i));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.reduce((sum, weight, i) => sum + weight * losses[i].loss, 0) / total;
  });
  const found = smooth(losses);
  assertClose(
    found.map(({ loss }) => loss),
    expected,
    { rtol: 1e-12 },
  );
});

test("it is suggested where the loss falls fastest, or a tenth of where it is lowest", () => {
  const wide = findLearningRate(sweep(1e-4, 0.5));
  // The mean looks back over some ten steps, of which 33 make a factor of ten.
  assert.ok(wide.steepest > 0.7e-4 && wide.steepest < 4e-4, `${wide.steepest}`);
  assert.is(wide.suggestion, Math.min(wide.steepest, wide.tenthOfLowest));
  assert.is(wide.suggestion, wide.steepest);
  const narrow = findLearningRate(sweep(1e-3, 4e-3));
  assert.is(narrow.suggestion, narrow.tenthOfLowest);
  assert.ok(narrow.suggestion > 1e-4 && narrow.suggestion < 1e-3, `${narrow.suggestion}`);
  assert.match(plotLrFinding(wide), /<svg[\s\S]*falls fastest: .*suggested/);
});

test("what tells nothing is said, and a lost loss ends a sweep", () => {
  const rising = sweep(1e9, 1e-3);
  assert.throws(
    () => findLearningRate(rising),
    (e: { code?: string; message?: string }) =>
      e.code === "OPTION_INVALID" && /fell nowhere: take more --steps/.test(e.message!),
  );
  assert.throws(() => findLearningRate(rising.slice(0, 5)), /in 5 steps/);
  const losses = sweep(1e-4, 0.05);
  const lost = losses.findIndex((_, i) => isLost(losses.slice(0, i + 1)));
  assert.ok(losses[lost].lr > 0.04, `${losses[lost]?.lr}`);
  assert.not(isLost(losses.slice(0, 5)));
});

test("a backbone's own checkpoint fills the backbone and nothing else", async () => {
  const shape = { backbone: "mobilenet0.25", width: 1 / 8, channels: 16 } as const;
  const source = new RetinaFaceNetwork(nn.Init.seeded(device(), 9), shape);
  const detector = await source.stateDict();
  const classifier = await source.body.stateDict();
  classifier.set("fc.weight", { dtype: "f32", shape: [2, 3], data: new Float32Array(6) });
  assert.is(backboneAlone(detector), undefined);
  assert.is(backboneAlone(new Map([["other.weight", classifier.get("fc.weight")!]])), undefined);
  const backbone = backboneAlone(classifier)!;
  assert.equal([backbone.backbone, backbone.width], ["mobilenet0.25", 1 / 8]);
  const make = (given?: typeof backbone) =>
    initialiseNetwork(device(), {
      config: DEFAULT_CONFIG,
      seed: 3,
      network: shape,
      backbone: given,
    });
  const [started, random] = [make(backbone), make()];
  const [filled, fresh] = [await started.stateDict(), await random.stateDict()];
  for (const [name, { data }] of filled)
    assert.equal(data, (name.startsWith("body.") ? detector : fresh).get(name)!.data, name);
  assert.throws(
    () =>
      initialiseNetwork(device(), {
        config: DEFAULT_CONFIG,
        seed: 3,
        network: { backbone: "resnet50" },
        backbone,
      }),
    /weights of mobilenet0\.25, and the network has resnet50/,
  );
  const half = { ...shape, width: 1 / 16 };
  assert.throws(() =>
    initialiseNetwork(device(), { config: DEFAULT_CONFIG, seed: 3, network: half, backbone }),
  );
  for (const network of [source, started, random]) network.dispose();
});

test.run();
