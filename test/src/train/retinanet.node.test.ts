/** RetinaNet's training: matching and losses against float64, steps on every engine, and four pictures learnt by heart. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Device, nn, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import {
  adaptClasses,
  LOSS_PRESETS,
  MATCH_PRESETS,
  type MatchFaces,
  matchPriors,
  multiBoxLoss,
  Trainer,
  trainerOptions,
  uploadTargets,
} from "@retinaface-webgpu/train";
import {
  type NetworkConfig,
  RetinaFaceNetwork,
  registerRetinaNet,
  retinaNetConfig,
  retinaNetHeads,
} from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { focal } from "../reference/losses.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { repository } from "../support/repository.node.js";
import { runTrain } from "../support/train-command.node.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

registerRetinaNet();
const device = useDevice(test);
const CLASSES = 3;
const HEADS = retinaNetHeads(CLASSES);

/** Priors cx, cy, w, h of the unit square, and boxes among them. */
function scene(random: Random, priors: number, count: number) {
  const box = (least: number, most: number) => {
    const [w, h] = [random.uniform(least, most), random.uniform(least, most)];
    return [random.uniform(0, 1 - w), random.uniform(0, 1 - h), w, h];
  };
  const centred = Array.from({ length: priors }, () => {
    const [x, y, w, h] = box(0.1, 0.5);
    return [x + w / 2, y + h / 2, w, h];
  });
  const boxes = Array.from({ length: count }, () => {
    const [x, y, w, h] = box(0.1, 0.6);
    return [x, y, x + w, y + h];
  });
  return { priors: Float32Array.from(centred.flat()), boxes: Float32Array.from(boxes.flat()) };
}

type Corners = readonly number[];

const cornersOf = ([cx, cy, w, h]: Corners) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
const areaOf = ([x1, y1, x2, y2]: Corners) => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
const common = (a: Corners, b: Corners) => [
  ...[Math.max(a[0], b[0]), Math.max(a[1], b[1])],
  ...[Math.min(a[2], b[2]), Math.min(a[3], b[3])],
];

function iou(a: Corners, b: Corners): number {
  const shared = areaOf(common(a, b));
  return shared / (areaOf(a) + areaOf(b) - shared);
}

/** Rows of four numbers. */
const rows = (values: ArrayLike<number>) =>
  Array.from({ length: values.length / 4 }, (_, i) =>
    Array.from({ length: 4 }, (_, k) => values[4 * i + k]),
  );

function facesOf(boxes: Float32Array, classes: number[]): MatchFaces {
  const landmarks = new Float32Array(classes.length * 10).fill(Number.NaN);
  return { boxes, landmarks, classes: Uint8Array.from(classes) };
}

test("matching: 0.5, 0.4, ignored between, and a box's best priors whatever they are", () => {
  let rescued = 0;
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const { priors, boxes } = scene(new Random(seed), 120, 5);
    // Two priors that overlap the first box equally and best, and not much.
    priors.set([0.93, 0.93, 0.05, 0.05, 0.93, 0.93, 0.05, 0.05]);
    boxes.set([0.9, 0.9, 0.99, 0.99]);
    const classes = [1, 2, 3, 2, 1];
    const { labels, positives } = matchPriors(
      [facesOf(boxes, classes)],
      priors,
      MATCH_PRESETS.retinanet,
      HEADS,
    );
    const overlaps = rows(priors).map((prior) =>
      rows(boxes).map((box) => iou(cornersOf(prior), box)),
    );
    const best = rows(boxes).map((_, f) => Math.max(...overlaps.map((row) => row[f])));
    const expected = overlaps.map((row) => {
      const most = Math.max(...row);
      const own = classes[row.indexOf(most)];
      if (row.some((v, f) => v > 0 && Math.abs(v - best[f]) < 1e-12)) {
        rescued += most < 0.5 ? 1 : 0;
        return own;
      }
      return most >= 0.5 ? own : most < 0.4 ? 0 : -1;
    });
    assert.equal([...labels], expected);
    assert.is(positives, expected.filter((label) => label > 0).length);
    const alone = { ...MATCH_PRESETS.retinanet, best: "none" } as const;
    const paper = matchPriors([facesOf(boxes, classes)], priors, alone, HEADS).labels;
    assert.is(paper[0], 0, "the paper leaves a box without a prior of 0.5 to nobody");
  }
  assert.ok(rescued >= 12);
});

interface Said {
  readonly conf: Float64Array;
  readonly loc: Float64Array;
}

/** Loss of boxes of one prior, from what is encoded: in pixels, by the definitions. */
const BOX_LOSSES: Record<string, (said: Corners, wanted: Corners, prior: Corners) => number> = {
  retinanet: (said, wanted) => said.reduce((sum, v, i) => sum + Math.abs(v - wanted[i]), 0),
  "retinanet-v2": (said, wanted, [px, py, pw, ph]) => {
    const most = Math.log(1000 / 16);
    const decode = ([dx, dy, dw, dh]: Corners) => {
      const [w, h] = [pw * Math.exp(Math.min(dw, most)), ph * Math.exp(Math.min(dh, most))];
      return cornersOf([px + dx * pw, py + dy * ph, w, h]);
    };
    const [a, b] = [decode(said), decode(wanted)];
    const around = [
      ...[Math.min(a[0], b[0]), Math.min(a[1], b[1])],
      ...[Math.max(a[2], b[2]), Math.max(a[3], b[3])],
    ];
    const union = areaOf(a) + areaOf(b) - areaOf(common(a, b));
    return 1 - (iou(a, b) - (areaOf(around) - union) / areaOf(around));
  },
};

for (const [preset, ofBox] of Object.entries(BOX_LOSSES)) {
  test(`losses of ${preset} and their gradients, by finite differences`, async () => {
    const random = new Random(11);
    const [batch, count] = [2, 60];
    const scenes = [scene(random, count, 4), scene(random, count, 3)];
    const { priors } = scenes[0];
    const faces = [facesOf(scenes[0].boxes, [1, 2, 3, 1]), facesOf(scenes[1].boxes, [2, 2, 3])];
    const targets = matchPriors(faces, priors, MATCH_PRESETS.retinanet, HEADS);
    assert.ok(targets.labels.includes(-1) && targets.labels.includes(0));
    const wide = CLASSES + 1;
    const said: Said = {
      conf: Float64Array.from({ length: batch * count * wide }, (_, i) =>
        i % wide === 0 ? 0 : Math.fround(1.5 * random.normal() - 1),
      ),
      loc: Float64Array.from({ length: batch * count * 4 }, () =>
        Math.fround(0.5 * random.normal()),
      ),
    };
    const losses = ({ conf, loc }: Said) => {
      let [classes, boxes] = [0, 0];
      for (const [p, label] of targets.labels.entries()) {
        if (label === -1) continue;
        for (let c = 1; c < wide; c++) {
          classes += focal(conf[p * wide + c], label === c ? 1 : 0, 0.25, 2);
        }
        if (label === 0) continue;
        const row = (values: ArrayLike<number>) => rows(values)[p];
        boxes += ofBox(row(loc), row(targets.heads.loc.values), rows(priors)[p % count]);
      }
      return { classes: classes / targets.positives, boxes: boxes / targets.positives };
    };
    const upload = (values: Float64Array, width: number) =>
      tensor(device(), Float32Array.from(values), [batch, count, width], { requiresGrad: true });
    const [conf, loc] = [upload(said.conf, wide), upload(said.loc, 4)];
    const options = LOSS_PRESETS[preset as keyof typeof LOSS_PRESETS];
    const parts = tidy(() => {
      const { total, ...found } = multiBoxLoss(
        { conf, loc },
        uploadTargets(device(), targets, batch),
        options,
        HEADS,
      );
      total.backward();
      return found;
    });
    const expected = losses(said);
    for (const name of ["classes", "boxes"] as const) {
      assertClose([await parts[name].item()], [expected[name]], { rtol: 1e-5, what: name });
    }
    const step = 1e-5;
    const differences = async (name: keyof Said, given: Tensor, wanted: number[]) => {
      const gradient = (await given.grad!.data()) as Float32Array;
      const numeric = wanted.map((i) => {
        const at = (move: number) => {
          const moved = said[name].slice();
          moved[i] += move;
          const { classes, boxes } = losses({ ...said, [name]: moved });
          return classes + boxes;
        };
        return (at(step) - at(-step)) / (2 * step);
      });
      const own = wanted.map((i) => gradient[i]);
      assertClose(own, numeric, { atol: 2e-6, rtol: 1e-3, what: `gradient of ${name}` });
    };
    const positive = [...targets.labels.keys()].filter((p) => targets.labels[p] > 0);
    const ignored = targets.labels.indexOf(-1);
    const logits = [0, 7, 19, ...positive.slice(0, 4), ignored].flatMap((p) => [
      p * wide + 1,
      p * wide + 3,
    ]);
    await differences("conf", conf, logits);
    await differences(
      "loc",
      loc,
      [...positive, ignored].flatMap((p) => [0, 1, 2, 3].map((k) => 4 * p + k)),
    );
    for (const one of [conf, loc]) one.dispose();
  });
}

const TINY: NetworkConfig = {
  backbone: "mobilenet0.25",
  width: 1 / 16,
  channels: 32,
  retinanet: { groupNorm: true },
};

test("steps are the same one by one, compiled and on WebAssembly", async () => {
  const random = new Random(3);
  const samples = [1, 2].map(() => ({
    ...makeSample(random, 64, 3),
    classes: Uint8Array.of(1, 2, 2),
  }));
  const config = retinaNetConfig(["bright", "dark"]);
  const train = async (on: Device, compiled: boolean) => {
    const network = new RetinaFaceNetwork(nn.Init.seeded(on, 5), { ...TINY, heads: config.heads! });
    const settings = { ...plainSettings(64, 0), preset: "retinanet-v2", config } as const;
    const own = { ...settings, classification: "focal", fixedNorm: true, lr: 1e-3 } as const;
    const trainer = new Trainer(on, network, { ...trainerOptions(own, 10), compiled });
    await trainer.step([samples]);
    await trainer.step([samples]);
    const losses = await trainer.losses();
    const state = await network.stateDict();
    trainer.dispose();
    network.dispose();
    return { losses: losses.flatMap(({ classes, boxes }) => [classes, boxes]), state };
  };
  const engine = await WasmEngine.create({ threads: 1 });
  const host = await createHostDevice(engine);
  const eager = await train(device(), false);
  const others = { compiled: await train(device(), true), wasm: await train(host, true) };
  assert.ok(eager.losses.every((loss) => loss > 0.1 && loss < 5));
  for (const [what, { losses, state }] of Object.entries(others)) {
    assertClose(losses, eager.losses, { rtol: 1e-4, what });
    for (const name of ["ClassHead.conv.3.1.weight", "BboxHead.bbox_reg.weight"]) {
      const values = (from: typeof state) => Array.from(from.get(name)!.data, Number);
      assertClose(values(state), values(eager.state), {
        atol: 2e-6,
        rtol: 1e-3,
        what: `${what} ${name}`,
      });
    }
  }
  host.destroy();
  engine.dispose();
});

test("a RetinaNet's class head for other classes", () => {
  // Two anchors of classes a, b.
  const bias = { dtype: "f32" as const, shape: [4], data: Float32Array.of(2, 4, 20, 40) };
  const state = new Map([["ClassHead.cls_logits.bias", bias]]);
  const before = { heads: retinaNetHeads(2), classes: ["a", "b"] };
  const after = { heads: retinaNetHeads(3), classes: ["b", "new", "a"] };
  const adapted = adaptClasses(state, before, after, 5);
  const { data } = adapted.get("ClassHead.cls_logits.bias")!;
  assert.equal([...(data as Float32Array)], [4, 3, 2, 40, 30, 20]);
});

test("four pictures by heart: train, evaluate and detect tell squares from crosses", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "retinanet-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (...names: string[]) => path.join(folder, ...names);
  const SIDE = 64;
  mkdirSync(at("images"));
  const lines = [0, 1, 2, 3].map((i) => {
    const data = new Uint8Array(SIDE * SIDE * 4).fill(90);
    const faces = ["square", "cross"].map((label, k) => {
      const size = 24 + 2 * i;
      const [x, y] = [k === 0 ? 2 + i : 34 - i, (i + k) % 2 === 0 ? 3 : 36 - 2 * i];
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          const arm = Math.min(Math.abs(row - size / 2), Math.abs(column - size / 2)) < size / 6;
          if (label === "square" || arm)
            data.fill(
              230,
              ((y + row) * SIDE + x + column) * 4,
              ((y + row) * SIDE + x + column) * 4 + 3,
            );
        }
      }
      return { box: [x, y, x + size, y + size], label };
    });
    writeFileSync(at("images", `${i}.png`), encodePng({ data, width: SIDE, height: SIDE }));
    return JSON.stringify({ image: `images/${i}.png`, faces });
  });
  writeFileSync(at("labels.jsonl"), `${lines.join("\n")}\n`);
  const data = `jsonl:${at("labels.jsonl")}`;
  const run = async (...args: string[]) => {
    const { status, stdout, stderr } = await runTrain(...args, "--backend", "wasm");
    assert.is(status, 0, stderr);
    return { ...JSON.parse(stdout), said: stderr };
  };
  const trained = await run(
    ...["train", "--data", data, "--val", "none", "--out", at("run"), "--classes", "square,cross"],
    ...[
      "--model",
      "retinanet",
      "--backbone",
      "mobilenet0.25",
      "--width",
      "0.125",
      "--channels",
      "32",
    ],
    ...[
      "--image-size",
      `${SIDE}`,
      "--batch-size",
      "4",
      "--epochs",
      "70",
      "--no-augment",
      "--workers",
      "0",
    ],
    ...["--optimizer", "adamw", "--lr", "0.004", "--schedule", "cosine", "--batch-norm", "train"],
  );
  assert.match(trained.said, /classes: square, cross/);
  const weights = at("run", "final.safetensors");
  const { classAp50, byClass } = await run("evaluate", "--data", data, "--weights", weights);
  assert.equal(
    byClass.map(({ label, faces }: { label: string; faces: number }) => [label, faces]).sort(),
    [
      ["cross", 4],
      ["square", 4],
    ],
  );
  assert.ok(classAp50 >= 0.9, `mean AP of the classes ${classAp50}`);
  const program = path.join(repository, "packages/retinaface/bin/retinaface.mjs");
  const detect = [
    program,
    "detect",
    at("images", "1.png"),
    "--weights",
    weights,
    "--backend",
    "wasm",
  ];
  const { stdout, stderr } = spawnSync(process.execPath, [...detect, "--vis-threshold", "0.2"], {
    encoding: "utf8",
  });
  const [best] = JSON.parse(stdout || "{}").faces ?? [];
  assert.ok(best, stderr);
  assert.ok(["square", "cross"].includes(best.class) && !("landmarks" in best));
  const tuned = await runTrain("tune", "--data", data, "--weights", weights, "--backend", "wasm");
  assert.is(tuned.status, 2);
  assert.match(tuned.stderr, /classes compete apart/);
});

test.run();
