/** `--scale`: one meaning and one default in every command, and figures by `detect`'s own path. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { detectAtScales, packFaces, parseTestScale } from "@retinaface-webgpu/train";
import { RetinaFace, resizeBilinear, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { detectCommand } from "../../../packages/retinaface/dist/cli/options.js";
import { anchorsCommand } from "../../../packages/train/dist/cli/anchors.js";
import { calibrateCommand } from "../../../packages/train/dist/cli/calibrate.js";
import { compareCommand } from "../../../packages/train/dist/cli/compare.js";
import { evaluateCommand } from "../../../packages/train/dist/cli/evaluate.js";
import { trainCommand } from "../../../packages/train/dist/cli/train.js";
import { tuneCommand } from "../../../packages/train/dist/cli/tune.js";
import { repository } from "../support/repository.node.js";

const sample = path.join(repository, "packages/retinaface/assets/sample.png");

test("every command says the same of --scale, and takes the original size by default", () => {
  const commands = [
    detectCommand(),
    anchorsCommand(),
    calibrateCommand(),
    compareCommand(),
    evaluateCommand(),
    trainCommand(),
    tuneCommand(),
  ];
  for (const command of commands) {
    const help = command.helpInformation().replace(/\s+/g, " ");
    const [, text] = /--scale <size> (.*?) --/.exec(help) ?? [];
    const name = command.name();
    assert.match(text, /^size at which the network sees photos, the same in every command: /, name);
    assert.match(text, /\(default: "?original"?\)/, name);
  }
});

test("an evaluation sees what detect sees: the same faces to the bit, enlarged too", async () => {
  const whole = await toRawImage(readFileSync(sample));
  const small = resizeBilinear(whole, whole.width >> 1, whole.height >> 1);
  const detector = await RetinaFace.load({ backend: "wasm", visThreshold: 0 });
  try {
    for (const [text, sides] of [
      ["original", {}],
      ["160", { maxSide: 160 }],
      ["400/400", { minSide: 400, maxSide: 400 }],
    ] as const) {
      const expected = packFaces(await detector.detect(small, sides));
      const found = await detectAtScales(
        async (image, wanted) => packFaces(await detector.detect(image, wanted)),
        small,
        { scales: [parseTestScale(text)], mirror: false, voteThreshold: 0.4 },
      );
      assert.ok(expected.scores.length > 0);
      assert.equal(found, expected);
    }
  } finally {
    detector.dispose();
  }
});

test.run();
