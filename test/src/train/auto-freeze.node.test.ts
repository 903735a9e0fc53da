/** `--freeze auto`: gradients by part, what is frozen by them, and runs that go on with what they chose. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { nn, optim } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import {
  chooseFrozen,
  partGradients,
  type Sample,
  Trainer,
  type TrainerOptions,
  trainerOptions,
} from "@retinaface-webgpu/train";
import { RunFiles } from "@retinaface-webgpu/train/node";
import { RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";
import { drawDataset, runTrain } from "../support/train-command.node.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const gpu = useDevice(test);
const folder = mkdtempSync(path.join(os.tmpdir(), "auto-freeze-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const NETWORK = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;
const PARTS = ["stem", "stage1", "stage2", "stage3", "fpn", "ssh"];

/** Keeps the gradients of a step, and changes nothing. */
class Keeping extends optim.SGD {
  override step(): void {}
  override zeroGrad(): void {}
}

/** Norms by part, worked out in double precision of gradients that eager steps leave. */
async function expectedGradients(
  options: TrainerOptions,
  batches: readonly Sample[][],
): Promise<Record<string, { ratio: number; agreement: number }>> {
  const weights = new Map<string, number[]>();
  const gradients: Map<string, number[]>[] = [];
  const parts = new Map<string, string>();
  for (const samples of batches) {
    const network = new RetinaFaceNetwork(nn.Init.seeded(gpu(), 5), NETWORK);
    const trainer = new Trainer(gpu(), network, {
      ...{ ...options, frozen: [], clip: undefined, compiled: false },
      optimizer: (parameters) => new Keeping(parameters, { lr: 1 }),
    });
    await trainer.step([samples]);
    const own = new Map<string, number[]>();
    for (const [name, parameter] of network.namedParameters()) {
      own.set(name, Array.from(await parameter.grad!.data(), Number));
      weights.set(name, Array.from(await parameter.data(), Number));
      const isOf = ({ modules }: { modules: readonly nn.Module[] }) =>
        modules.some((module) => [...module.parameters()].includes(parameter));
      parts.set(name, network.parts().find(isOf)?.name ?? "heads");
    }
    gradients.push(own);
    trainer.dispose();
    network.dispose();
  }
  const figures = [...PARTS, "heads"].map((part) => {
    const names = [...parts].flatMap(([name, own]) => (own === part ? [name] : []));
    const flat = (map: ReadonlyMap<string, number[]>) => names.flatMap((name) => map.get(name)!);
    const rows = gradients.map(flat);
    const norm = (values: readonly number[]) => values.reduce((sum, v) => sum + v * v, 0);
    const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
    const spread = rows.reduce((sum, row) => sum + norm(row.map((v, i) => v - mean[i])), 0);
    const noise = spread / (rows.length - 1) / rows.length;
    const ratio = Math.sqrt(norm(mean) / norm(flat(weights)));
    return [part, { ratio, agreement: norm(mean) / noise }] as const;
  });
  return Object.fromEntries(figures);
}

test("gradients by part are those of eager steps, on both engines", async () => {
  const random = new Random(3);
  const batches = [2, 2, 2].map((n) => Array.from({ length: n }, () => makeSample(random, 64, 2)));
  const settings = { ...plainSettings(64, 1), freeze: ["stem"], fixedNorm: true };
  const options = trainerOptions(settings, 1);
  const expected = await expectedGradients(options, batches);
  const engine = await WasmEngine.create({ threads: 1 });
  const host = await createHostDevice(engine);
  try {
    for (const device of [gpu(), host]) {
      const network = new RetinaFaceNetwork(nn.Init.seeded(device, 5), NETWORK);
      const found = await partGradients(device, network, options, batches);
      assert.equal(Object.keys(found), Object.keys(expected));
      for (const figure of ["ratio", "agreement"] as const) {
        const [a, b] = [found, expected].map((all) => Object.values(all).map((one) => one[figure]));
        assertClose(a, b, { rtol: 0.03 });
      }
      const one = partGradients(device, network, options, batches.slice(0, 1));
      await rejectsCode(one, "OPTION_INVALID", /two of them at least/);
      network.dispose();
    }
  } finally {
    host.destroy();
    engine.dispose();
  }
});

test("frozen is what comes before the first part that batches agree about", () => {
  const parts = ["stem", "stage1", "fpn"];
  const choose = (...agreements: number[]) =>
    chooseFrozen(
      Object.fromEntries(
        agreements.map((agreement, i) => [[...parts, "heads"][i], { ratio: 1, agreement }]),
      ),
      parts,
    );
  assert.equal(choose(1, 1.9, 2, 5), ["stem", "stage1"]);
  assert.equal(choose(2.5, 1, 1, 5), []);
  assert.equal(choose(0, 0, 0, 0), parts);
  assert.equal(choose(0, Number.NaN, 0, 0), ["stem"]);
});

const data = drawDataset(folder, 4, 6);
const train = (out: string, epochs: number, ...more: string[]) =>
  runTrain(
    ...["train", "--data", data, "--val", "none", "--out", path.join(folder, out)],
    ...["--image-size", "64", "--batch-size", "2", "--epochs", String(epochs), "--workers", "0"],
    ...["--schedule", "constant", "--warmup", "0", "--backend", "wasm", "--threads", "1", ...more],
  );

test("a run chooses before its first step, and goes on with what it chose", async () => {
  const auto = ["--weights", "default", "--freeze", "auto"];
  const whole = await train("whole", 2, ...auto);
  assert.is(whole.status, 0, whole.stderr);
  assert.match(whole.stderr, /--freeze auto: 8 batches .*stem .*heads .*: frozen is /);
  const half = await train("half", 1, ...auto);
  assert.is(half.status, 0, half.stderr);
  const resumed = await train("half", 2, ...auto, "--resume");
  assert.is(resumed.status, 0, resumed.stderr);
  assert.not.match(resumed.stderr, "--freeze auto: 8");
  const frozen: string[] = JSON.parse(whole.stdout).frozen;
  assert.equal(JSON.parse(resumed.stdout).frozen, frozen);
  const bytes = (run: string, name: string) => readFileSync(path.join(folder, run, name));
  const [a, b] = ["whole", "half"].map((run) => bytes(run, "final.safetensors"));
  assert.ok(a.equals(b), "resumed, it gives the same bits");
  const { extra } = await new RunFiles(path.join(folder, "half")).readCheckpoint();
  const { autoFreeze, settings } = extra.description;
  assert.equal(chooseFrozen(autoFreeze!, PARTS), frozen);
  assert.equal(settings.freeze, frozen);
  assert.match(bytes("whole", "report.html").toString(), "gradients by part");
});

test("where there is nothing to choose, it is said", async () => {
  const random = await train("random", 1, "--width", "0.0625", "--freeze", "auto");
  assert.is(random.status, 2);
  assert.match(random.stderr, "these are random");
  const fixed = await train("fixed", 1, "--weights", "default", "--freeze", "all");
  assert.is(fixed.status, 0, fixed.stderr);
  const other = await train("fixed", 2, "--weights", "default", "--freeze", "auto", "--resume");
  assert.is(other.status, 2);
  assert.match(other.stderr, "--freeze stem,stage1,stage2,stage3,fpn,ssh");
  const search = await runTrain(
    "lr-find",
    "--data",
    data,
    "--weights",
    "default",
    "--freeze",
    "auto",
  );
  assert.is(search.status, 2);
  assert.match(search.stderr, "--freeze auto is for train");
});

test.run();
