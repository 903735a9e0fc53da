import { readCheckpoint } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readShared, sharedTest } from "../../support/shared.js";

const FOLDER = "inputs/odd";

for (const name of [
  "metadata-null.safetensors",
  "torch-compile-prefix.pth",
  "with-lr-scheduler.pth",
]) {
  sharedTest(test, `${name} is read as the network it holds`, [FOLDER], async () => {
    const state = readCheckpoint(await readShared(`${FOLDER}/${name}`));
    assert.ok(state.has("fpn.output1.0.weight"));
    assert.ok([...state.keys()].every((key) => /^(?:body|fpn|ssh\d|\w+Head)\./.test(key)));
  });
}

test.run();
