import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

test("a detector holds neither the pixels nor the faces of calls that are done", async () => {
  const detector = await RetinaFace.load({
    weights: await tinyWeights(device()),
    device: device(),
  });
  const held: WeakRef<object>[] = [];
  const detect = async (seed: number) => {
    const image = noiseImage(32, 32, seed);
    const faces = await detector.detect(image, LENIENT);
    held.push(new WeakRef(image), new WeakRef(faces));
  };
  for (let i = 0; i < 6; i++) await detect(i);
  await Promise.all([6, 7, 8, 9].map(detect));
  await detector.detect(noiseImage(32, 32), LENIENT);
  await sleep(10);
  collect();
  assert.is(held.filter((ref) => ref.deref() !== undefined).length, 0);
  detector.dispose();
});

test.run();
