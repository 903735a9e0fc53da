/** A detector's configuration: what JSON is refused, and that anchors must fit the heads. */
import { readSafetensors, writeSafetensors } from "@retinaface-webgpu/tensor";
import {
  CheckpointError,
  CONFIG_KEY,
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type HeadSpec,
  OptionError,
  parseDetectorConfig,
  RETINAFACE_HEADS,
  RetinaFace,
  readCheckpointConfig,
  storeThresholds,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { LENIENT, noiseImage, tinyState } from "../support/tiny-detector.js";

const device = useDevice(test);

const minSizes = [[10, 20], [40, 80], [160]];
const steps = [8, 16, 32];

test("a configuration is read, its parts optional", () => {
  assert.equal(parseDetectorConfig({}), {});
  assert.equal(parseDetectorConfig({ variances: [0.1, 0.3] }), { variances: [0.1, 0.3] });
  assert.equal(parseDetectorConfig({ anchors: { minSizes, steps } }), {
    anchors: { minSizes, steps, ratios: [1], clip: false },
  });
  assert.equal(parseDetectorConfig(JSON.parse(JSON.stringify(DEFAULT_CONFIG))), DEFAULT_CONFIG);
});

/** The published heads and one that `change` spoils. */
function withHead(change: Partial<Record<keyof HeadSpec, unknown>>): unknown[] {
  const mask = { name: "mask", module: "MaskHead", width: 7, meaning: "values", loss: "mask" };
  return [...RETINAFACE_HEADS, { ...mask, ...change }];
}

const bad: [unknown, RegExp][] = [
  [null, /JSON object/],
  [[], /JSON object/],
  ["anchors", /JSON object/],
  [{ anchors: 5 }, /"minSizes"/],
  [{ anchors: { minSizes: [1, 2, 3], steps } }, /"minSizes"/],
  [{ anchors: { minSizes: [["16"], [2], [3]], steps } }, /"minSizes"/],
  [{ anchors: { minSizes, steps: [8, 16] } }, /got 2 and 3/],
  [{ anchors: { minSizes: [[1], [], [2]], steps } }, /at least one size/],
  [{ anchors: { minSizes: [[1], [-2], [2]], steps } }, /positive/],
  [{ anchors: { minSizes, steps, ratios: [] } }, /one ratio/],
  [{ anchors: { minSizes, steps, clip: 1 } }, /"clip"/],
  [{ variances: [0.1] }, /variances/],
  [{ variances: [0.1, 0] }, /variances/],
  [{ variances: [0.1, null] }, /variances/],
  [{ heads: 5 }, /heads must be a list/],
  [{ heads: [{ name: "conf" }] }, /a head needs a name, a module/],
  [{ heads: RETINAFACE_HEADS.slice(0, 1) }, /exactly one of meaning "box"/],
  [{ heads: [...RETINAFACE_HEADS, RETINAFACE_HEADS[2]] }, /the same name: give each its own/],
  [{ heads: withHead({ name: "a b" }) }, /must be identifiers/],
  [{ heads: withHead({ loss: "__proto__" }) }, /must be identifiers/],
  [{ heads: withHead({ module: "Mask" }) }, /ending in Head/],
  [{ heads: withHead({ width: 0.5 }) }, /width 0.5/],
  [{ heads: withHead({ meaning: "mask" }) }, /none of class, box, points, values/],
  [{ heads: withHead({ meaning: "points", width: 7 }) }, /even number/],
  [{ thresholds: 0.5 }, /thresholds must be an object with some of confidenceThreshold, topK/],
  [{ thresholds: { visTreshold: 0.5 } }, /no threshold "visTreshold"/],
  [{ thresholds: { visThreshold: "0.5" } }, /visThreshold must be a number/],
  [{ thresholds: { visThreshold: 1.5 } }, /visThreshold must be a number from 0 to 1/],
  [{ thresholds: { topK: 0 } }, /topK must be a whole number/],
];

test("what is no configuration is refused by name, in a checkpoint too", async () => {
  const state = await tinyState(device());
  for (const [value, message] of bad) {
    try {
      parseDetectorConfig(value);
      assert.unreachable(JSON.stringify(value));
    } catch (error) {
      assert.instance(error, OptionError);
      assert.match((error as Error).message, message);
    }
    const weights = writeSafetensors(state, { [CONFIG_KEY]: JSON.stringify(value) });
    const error = await RetinaFace.load({ weights, device: device() }).catch((e) => e);
    assert.instance(error, CheckpointError);
    assert.match(error.message, message);
  }
});

test("anchors must be as many as the heads have; others move the boxes", async () => {
  const weights = writeSafetensors(await tinyState(device()));
  const anchors = { ...DEFAULT_CONFIG.anchors, minSizes };
  const error = await RetinaFace.load({ weights, device: device(), config: { anchors } }).catch(
    (e) => e,
  );
  assert.instance(error, OptionError);
  assert.match(error.message, /heads have 2, 2, 2 anchors a cell .* 2, 2, 1/);
  const image = noiseImage(64, 64);
  const sizes = async (factor: number) => {
    const scaled = DEFAULT_CONFIG.anchors.minSizes.map((level) => level.map((v) => v * factor));
    const config = { anchors: { ...DEFAULT_CONFIG.anchors, minSizes: scaled } };
    const detector = await RetinaFace.load({ weights, device: device(), config });
    const faces = await detector.detect(image, { ...LENIENT, nmsThreshold: 1 });
    detector.dispose();
    return faces.map(({ box: [x1, , x2] }) => x2 - x1);
  };
  const [single, double] = [await sizes(1), await sizes(2)];
  assert.is(double.length, single.length);
  for (const [i, size] of double.entries()) {
    assert.ok(Math.abs(size - 2 * single[i]) < 1e-3 * size, `${size} and ${single[i]}`);
  }
});

test("anchors of other strides than the network's are refused, from a checkpoint's metadata too", async () => {
  const state = await tinyState(device());
  for (const steps of [
    [16, 32, 64],
    [32, 16, 8],
    [8, 16, 33],
    [1e-300, 16, 32],
  ]) {
    const anchors = { ...DEFAULT_CONFIG.anchors, steps };
    const marked = { [CONFIG_KEY]: JSON.stringify({ anchors }) };
    for (const options of [
      { weights: writeSafetensors(state), config: { anchors } },
      { weights: writeSafetensors(state, marked) },
    ]) {
      const error = await RetinaFace.load({ ...options, device: device() }).catch((e) => e);
      assert.instance(error, OptionError);
      assert.match(error.message, /strides 8, 16, 32, the configuration's steps are .*: give the/);
    }
  }
});

test("thresholds stored with the weights hold where none are asked for, and travel with tensors and metadata", async () => {
  const state = await tinyState(device());
  const { anchors } = DEFAULT_CONFIG;
  const marked = { [CONFIG_KEY]: JSON.stringify({ anchors }), note: "kept" };
  const plain = writeSafetensors(state, marked);
  const first = storeThresholds(plain, { visThreshold: 0.3, nmsThreshold: 0.55 });
  const weights = storeThresholds(first, { visThreshold: 0.25 });
  const stored = { visThreshold: 0.25, nmsThreshold: 0.55 };
  assert.equal(readCheckpointConfig(weights), { anchors, thresholds: stored });
  assert.is(readSafetensors(weights).metadata.note, "kept");
  assert.equal([...readSafetensors(weights).tensors], [...readSafetensors(plain).tensors]);
  assert.throws(() => storeThresholds(plain, { visThreshold: -1 }), /from 0 to 1/);

  const load = (options: object) => RetinaFace.load({ weights, device: device(), ...options });
  const detector = await load({});
  assert.equal(detector.thresholds, { ...DEFAULT_THRESHOLDS, ...stored });
  const image = noiseImage(64, 64);
  const counts = async (options: object) => (await detector.detect(image, options)).length;
  const [own, same, published] = [
    await counts({}),
    await counts(stored),
    await counts({ visThreshold: 0.6, nmsThreshold: 0.4 }),
  ];
  assert.is(own, same);
  assert.ok(own > published, `${own} and ${published}`);
  detector.dispose();
  const asked = await load({ visThreshold: 0.9 });
  assert.is(asked.thresholds.visThreshold, 0.9);
  assert.is(asked.thresholds.nmsThreshold, 0.55);
  asked.dispose();
  const config = { thresholds: { visThreshold: 0.7 } };
  const overridden = await load({ config });
  assert.equal(overridden.thresholds, { ...DEFAULT_THRESHOLDS, visThreshold: 0.7 });
  overridden.dispose();
});

test.run();
