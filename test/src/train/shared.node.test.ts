import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { countClasses, evaluateWider, WIDER_SETTINGS, widerKey } from "@retinaface-webgpu/train";
import {
  loadDataset,
  readWiderDetections,
  readWiderValidation,
  writeWiderDetections,
} from "@retinaface-webgpu/train/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";

const MASKS = "data/face-mask";
const WIDER = "data/wider-face-val-ground-truth";

sharedTest(test, "face-mask: every annotation is read, from the bare folder", [MASKS], () => {
  const { records, problems } = loadDataset(sharedPath(MASKS));
  assert.is(records.length, 682);
  assert.equal(problems, []);
  assert.equal(countClasses(records), {
    con_mascarilla: 2636,
    sin_mascarilla: 525,
    mascarilla_mal_puesta: 92,
  });
});

sharedTest(test, "face-mask: a seeded split of one class", [MASKS], () => {
  const spec = (split: string) =>
    `voc:${sharedPath(MASKS)}?classes=*=face&split=${split}&fraction=0.8&seed=1`;
  const train = loadDataset(spec("train")).records;
  const val = loadDataset(spec("val")).records;
  assert.equal([train.length, val.length], [546, 136]);
  const ids = new Set([...train, ...val].map(({ id }) => id));
  assert.is(ids.size, 682);
  assert.equal(countClasses([...train, ...val]), { face: 3253 });
});

sharedTest(test, "WIDER FACE: known counts; its own boxes reach AP 1", [WIDER], () => {
  const images = readWiderValidation(sharedPath(WIDER));
  assert.is(images.length, 3226);
  const folder = mkdtempSync(path.join(os.tmpdir(), "wider-"));
  try {
    for (const image of images) {
      // One counted face of the set has a negative width and can be found by no box.
      const sound = [...image.boxes.keys()].filter(
        (i) => i % 4 === 0 && image.boxes[i + 2] >= image.boxes[i],
      );
      const boxes = Float64Array.from(sound.flatMap((i) => [...image.boxes.subarray(i, i + 4)]));
      const scores = new Float64Array(sound.length).fill(1);
      writeWiderDetections(folder, image, { boxes, scores });
    }
    const predictions = readWiderDetections(folder);
    assert.equal([...predictions.keys()].sort(), images.map(widerKey).sort());
    const result = evaluateWider(images, predictions);
    assert.equal(
      WIDER_SETTINGS.map((setting) => result[setting].faces),
      [7211, 13319, 31958],
    );
    assert.is(result.easy.ap, 1);
    assert.is(result.medium.ap, 1);
    // Two counted faces have the same box, so that one of them cannot be found either.
    const found = 31958 - 2;
    assert.ok(Math.abs(result.hard.ap - ((found / 31958) * found) / (found + 1)) < 1e-12);
    assert.is(
      readdirSync(folder, { recursive: true }).filter((f) => `${f}`.endsWith(".tmp")).length,
      0,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
