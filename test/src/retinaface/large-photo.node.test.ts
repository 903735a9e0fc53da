/** A photo of 108 megapixels with the sample's faces at known places in it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  type Face,
  type LoadOptions,
  type RawImage,
  RetinaFace,
  resizeBilinear,
  toRawImage,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { repository } from "../support/repository.node.js";
import { readShared, sharedTest } from "../support/shared.js";
import { rejectsCode } from "../support/throws.js";

const WIDTH = 12_000;
const HEIGHT = 9_000;
/** Where the sample lies in the photo, and how many times enlarged. */
const PLACE = { x: 5_900, y: 6_100, scale: 6 };
const WEIGHTS = "weights/mobilenet0.25_Final.pth";
const MEBIBYTE = 2 ** 20;

const device = useDevice(test);

function placeInPhoto(sample: RawImage): RawImage {
  const { x, y, scale } = PLACE;
  const large = resizeBilinear(sample, sample.width * scale, sample.height * scale);
  const data = new Uint8Array(WIDTH * HEIGHT * 4).fill(170);
  const row = large.width * 4;
  const rows = Math.min(large.height, HEIGHT - y);
  for (let n = 0; n < rows; n++) {
    data.set(large.data.subarray(n * row, (n + 1) * row), ((y + n) * WIDTH + x) * 4);
  }
  return { data, width: WIDTH, height: HEIGHT };
}

function overlap(a: Face["box"], b: Face["box"]): number {
  const side = (k: 0 | 1) => Math.min(a[k + 2], b[k + 2]) - Math.max(a[k], b[k]);
  const area = (box: Face["box"]) => (box[2] - box[0]) * (box[3] - box[1]);
  const common = Math.max(0, side(0)) * Math.max(0, side(1));
  return common / (area(a) + area(b) - common);
}

async function detectLarge(options: LoadOptions): Promise<void> {
  const sample = await toRawImage(
    new Uint8Array(await readFile(path.join(repository, "packages/retinaface/assets/sample.png"))),
  );
  const detector = await RetinaFace.load({ weights: await readShared(WEIGHTS), ...options });
  const wanted = await detector.detect(sample);
  assert.is(wanted.length, 3);
  const photo = placeInPhoto(sample);
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const used = process.cpuUsage();
  const faces = await detector.detect(photo, { maxSide: 1280 });
  const { user, system } = process.cpuUsage(used);
  const grown = (process.resourceUsage().maxRSS * 1024 - before) / MEBIBYTE;
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `# ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of processor time, ` +
      `${grown.toFixed(0)} MiB more than the photo's ${(photo.data.length / MEBIBYTE).toFixed(0)}`,
  );
  assert.is(faces.length, wanted.length);
  for (const { box } of wanted) {
    const [x1, y1, x2, y2] = box.map((v, i) => v * PLACE.scale + [PLACE.x, PLACE.y][i % 2]);
    const best = Math.max(...faces.map((face) => overlap(face.box, [x1, y1, x2, y2])));
    assert.ok(best > 0.85, `a face at ${[x1, y1, x2, y2]} is found with an overlap of ${best}`);
  }
  // Its pixels pass through at most 128 MiB on the GPU at a time; a software adapter's memory is the process's.
  assert.ok(grown < 1024, `${grown} MiB`);
  detector.dispose();
}

const LARGE = `${WIDTH}×${HEIGHT} pixels: right boxes, bounded memory`;
sharedTest(test, LARGE, [WEIGHTS], () => detectLarge({ device: device() }));
sharedTest(test, `${LARGE}, by WebAssembly`, [WEIGHTS], () => detectLarge({ backend: "wasm" }));

sharedTest(
  test,
  "in its own size it is refused at once on a small adapter",
  [WEIGHTS],
  async () => {
    const detector = await RetinaFace.load({
      weights: await readShared(WEIGHTS),
      device: device(),
    });
    const photo = { data: new Uint8Array(WIDTH * HEIGHT * 4), width: WIDTH, height: HEIGHT };
    if (device().limits.maxStorageBufferBindingSize > 2 ** 30) return detector.dispose();
    const { liveBuffers } = device().memory();
    await rejectsCode(detector.detect(photo), "GPU_OUT_OF_MEMORY", /12000×9000.*maxSide/);
    assert.is(device().memory().liveBuffers, liveBuffers);
    detector.dispose();
  },
);

test.run();
