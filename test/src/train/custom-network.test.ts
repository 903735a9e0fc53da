/**
 * Networks that the library does not know: a backbone of four lines, one level and six, and heads that are only rows of a
 * table here, run eager and compiled, train a step and detect, without a change to packages/.
 */
import { compile, mul, nn, square, sub, sum, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  type HeadLoss,
  initialiseNetwork,
  LOSS_PRESETS,
  matchPriors,
  type Sample,
  Trainer,
  type TrainerOptions,
  trainerOptions,
  writeModel,
} from "@retinaface-webgpu/train";
import {
  Backbone,
  type BackboneStage,
  convBn,
  DEFAULT_CONFIG,
  type DetectorConfig,
  type HeadSpec,
  type NetworkConfig,
  priorBoxes,
  RETINAFACE_HEADS,
  RetinaFace,
  RetinaFaceNetwork,
  registerBackbone,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { LENIENT, noiseImage } from "../support/tiny-detector.js";
import { batchInput, makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);

class FourLines extends Backbone {
  readonly conv: nn.Sequential;

  constructor(init: nn.Init) {
    super();
    this.conv = convBn(init, 3, 8, { stride: 2, leaky: 0.1 });
  }

  override stages(): BackboneStage[] {
    return [{ name: "only", stride: 2, channels: 8, module: this.conv }];
  }
}

registerBackbone("four-lines", {
  create: (init) => new FourLines(init),
  channels: 8,
  mark: "body.conv.0.weight",
});

const MASK: HeadSpec = {
  name: "mask",
  module: "MaskHead",
  width: 7,
  meaning: "values",
  loss: "mask",
};
const [CLASS, BOX] = RETINAFACE_HEADS;

interface Case {
  readonly network: NetworkConfig;
  readonly strides: readonly number[];
  readonly side: number;
}

const tiny = { backbone: "mobilenet0.25", width: 1 / 16, channels: 8 };

const CASES: Readonly<Record<string, Case>> = {
  "a backbone of four lines, one level": {
    network: { backbone: "four-lines", anchorsPerCell: [2] },
    strides: [2],
    side: 24,
  },
  "a backbone of four lines, six levels": {
    network: { backbone: "four-lines", anchorsPerCell: [1, 2, 1, 2, 1, 1], extraLevels: 5 },
    strides: [2, 4, 8, 16, 32, 64],
    side: 40,
  },
  "one level of MobileNet": {
    network: { ...tiny, anchorsPerCell: [3] },
    strides: [32],
    side: 64,
  },
  "six levels of MobileNet, two of them extra": {
    network: { ...tiny, anchorsPerCell: [1, 2, 2, 2, 1, 3], extraLevels: 2 },
    strides: [4, 8, 16, 32, 64, 128],
    side: 72,
  },
  "a further head of seven columns": {
    network: { ...tiny, anchorsPerCell: [2, 2, 2], heads: [...RETINAFACE_HEADS, MASK] },
    strides: [8, 16, 32],
    side: 64,
  },
  "three classes, no landmarks": {
    network: { ...tiny, anchorsPerCell: [2, 2, 2], heads: [{ ...CLASS, width: 4 }, BOX] },
    strides: [8, 16, 32],
    side: 64,
  },
};

/** Anchors about as large as faces in samples, so that some priors match. */
function configOf({ network, strides, side }: Case): DetectorConfig {
  const least = strides.map((stride) => (strides.length > 1 ? stride * 2 : side / 4));
  const minSizes = network.anchorsPerCell!.map((count, level) =>
    Array.from({ length: count }, (_, i) => least[level] * 2 ** (i / 2)),
  );
  const { heads } = network;
  return {
    anchors: { minSizes, steps: [...strides], ratios: [1], clip: false },
    variances: DEFAULT_CONFIG.variances,
    ...(heads && { heads }),
  };
}

function samplesOf({ network, side }: Case, seed: number): Sample[] {
  const random = new Random(seed);
  const classes = (network.heads ?? RETINAFACE_HEADS).find((h) => h.meaning === "class")!.width - 1;
  return [1, 2].map((faces) => {
    const sample = makeSample(random, side, faces);
    const mask = random.normals(faces * MASK.width);
    if (faces > 1) mask[3] = Number.NaN;
    return {
      ...sample,
      classes: Uint8Array.from({ length: faces }, () => random.integer(1, classes)),
      values: { mask },
    };
  });
}

/** The loss of the head that is only here. */
const squaredError: HeadLoss = (prediction, { values, weights }) =>
  sum(mul(square(sub(prediction, values)), weights));

function optionsOf(each: Case): TrainerOptions {
  const options = trainerOptions(
    {
      ...plainSettings(each.side, 0),
      config: configOf(each),
      fixedNorm: true,
      momentum: 0,
      weightDecay: 0,
      lr: 0.01,
    },
    10,
  );
  const weights = { ...LOSS_PRESETS.pytorch.weights, mask: 3 };
  return { ...options, loss: { ...options.loss, weights, functions: { mask: squaredError } } };
}

/** Losses of a difference and their slopes, in float64. */
const smoothL1 = {
  of: (d: number) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5),
  slope: (d: number) => (Math.abs(d) < 1 ? d : Math.sign(d)),
};
const squared = { of: (d: number) => d * d, slope: (d: number) => 2 * d };

for (const [name, each] of Object.entries(CASES)) {
  test(`eager and compiled, and a training step: ${name}`, async () => {
    const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 4), each.network);
    const config = configOf(each);
    const heads = network.headSpecs;
    assert.equal(
      network.levels.map(({ stride }) => stride),
      each.strides,
    );
    const samples = samplesOf(each, 2);
    const shape = [samples.length, each.side, each.side, 3];
    const pixels = batchInput(samples);
    const priors = priorBoxes(each.side, each.side, config.anchors);

    network.eval();
    const eager = tidy(() => network.forward(tensor(device(), pixels, shape)));
    const plan = await compile(device(), (x) => network.forward(x), [{ shape, dtype: "f32" }]);
    plan.inputs[0].write(pixels);
    plan.run();
    const outputs: Record<string, Float32Array> = {};
    for (const head of heads) {
      assert.equal(eager[head.name].shape, [samples.length, priors.length / 4, head.width]);
      outputs[head.name] = (await eager[head.name].data()) as Float32Array;
      const compiled = (await plan.outputs[head.name].tensor.data()) as Float32Array;
      assertClose(compiled, outputs[head.name], { atol: 1e-4, rtol: 1e-4, what: head.name });
      eager[head.name].dispose();
    }
    plan.dispose();

    const options = optionsOf(each);
    const targets = matchPriors(samples, priors, options.match, heads);
    assert.ok(targets.positives > 1, `${targets.positives} priors match`);
    const trainer = new Trainer(device(), network, options);
    const before = await network.stateDict();
    await trainer.step([samples]);
    const [losses] = await trainer.losses();
    const after = await network.stateDict();

    let total = 0;
    for (const { name, module, width, meaning, loss } of heads) {
      total += losses[loss] * options.loss.weights[loss];
      if (meaning === "class") continue;
      const { values, mask } = targets.heads[name];
      const marked = Math.max(1, mask.filter(Boolean).length);
      const reference = loss === "mask" ? squared : smoothL1;
      let expected = 0;
      let slope = 0;
      for (const [i, value] of values.entries()) {
        const d = outputs[name][i] - value;
        if (mask[Math.floor(i / width)] === 0) continue;
        expected += reference.of(d) / marked;
        // The first level has the first priors: its first anchor's first bias.
        const prior = Math.floor(i / width) % (priors.length / 4);
        const { anchors, stride } = network.levels[0];
        const first = Math.ceil(each.side / stride) ** 2 * anchors;
        if (i % width === 0 && prior < first && prior % anchors === 0)
          slope += reference.slope(d) / marked;
      }
      assertClose([losses[loss]], [expected], { rtol: 1e-4, atol: 1e-6, what: loss });
      const bias = `${module}.0.conv1x1.bias`;
      const [old, now] = [before, after].map((state) => (state.get(bias)!.data as Float32Array)[0]);
      const gradient = slope * options.loss.weights[loss];
      assertClose([(old - now) / 0.01], [gradient], { atol: 2e-5, rtol: 1e-3, what: bias });
    }
    assertClose([losses.total], [total], { rtol: 1e-5, what: "total" });
    assert.equal(
      Object.keys(losses).slice(3, 3 + heads.length),
      heads.map(({ loss }) => loss),
    );
    trainer.dispose();
    network.dispose();
  });

  test(`a checkpoint of it detects: ${name}`, async () => {
    const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 6), each.network);
    const weights = writeModel(await network.stateDict(), configOf(each));
    network.dispose();
    const detector = await RetinaFace.load({ weights, device: device() });
    assert.equal(detector.network.anchorsPerCell, each.network.anchorsPerCell);
    const faces = await detector.detect(noiseImage(each.side, each.side), LENIENT);
    assert.ok(faces.length > 0);
    if (each.network.heads?.includes(MASK)) assert.is(faces[0].values!.mask.length, MASK.width);
    detector.dispose();
  });
}

test("a network gains and loses heads in fine-tuning; the others keep their weights", async () => {
  const published = new RetinaFaceNetwork(nn.Init.seeded(device(), 8), tiny);
  const state = await published.stateDict();
  published.dispose();
  const config = { ...DEFAULT_CONFIG, heads: [CLASS, BOX, MASK] };
  const network = initialiseNetwork(device(), { config, pretrained: { state }, seed: 3 });
  const tuned = await network.stateDict();
  assert.ok(tuned.has("MaskHead.2.conv1x1.weight"));
  assert.ok((tuned.get("MaskHead.2.conv1x1.weight")!.data as Float32Array).some((v) => v !== 0));
  assert.not([...tuned.keys()].some((name) => name.startsWith("LandmarkHead")));
  for (const [name, { data }] of tuned) {
    if (!name.startsWith("MaskHead")) assert.equal(data, state.get(name)!.data, name);
  }
  const broken = new Map([...state].filter(([name]) => name !== "ssh1.conv3X3.0.weight"));
  assert.throws(
    () => initialiseNetwork(device(), { config, pretrained: { state: broken }, seed: 3 }),
    (e: { code?: string }) => e.code === "STATE_DICT_MISMATCH",
  );
  network.dispose();
});

test("what does not fit the table is refused", () => {
  const each = CASES["three classes, no landmarks"];
  const [sample] = samplesOf(each, 1);
  const priors = priorBoxes(each.side, each.side, configOf(each).anchors);
  const match = (faces: Partial<Sample>, heads: readonly HeadSpec[]) => () =>
    matchPriors([{ ...sample, ...faces }], priors, undefined, heads);
  const heads = [...each.network.heads!, MASK];
  assert.throws(match({ classes: Uint8Array.of(4) }, heads), /class from 1 to 3/);
  assert.throws(match({ values: { mask: new Float32Array(6) } }, heads), /mask \[n, 7\]/);
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), each.network);
  assert.throws(
    () =>
      new Trainer(device(), network, {
        ...optionsOf(each),
        config: DEFAULT_CONFIG,
        frozen: ["neck"],
      }),
    /cannot freeze "neck"/,
  );
  const other = optionsOf(CASES["one level of MobileNet"]);
  assert.throws(() => new Trainer(device(), network, other), /2, 2, 2 anchors a cell/);
  network.dispose();
});

test.run();
