/* The odd files at hand, in Node by our own decoders and in a browser by its own: all show the face of good.jpg. */
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readShared, sharedTest } from "../../support/shared.js";

/** File, and what may be said of it; none where a browser decodes it. */
const FILES: [name: string, warning?: RegExp][] = [
  ["cmyk-with-adobe-good.jpg"],
  ["cmyk-no-adobe.jpg"],
  ["exif-twice-1-then-6.jpg"],
  ["jfif-and-adobe0.jpg"],
  ["mjpeg-no-dht.jpg"],
  ["no-eoi-samsung-trailer.jpg", /no end marker/],
  ["rst-4-extra-bytes.jpg", /bytes before a restart marker were skipped/],
  ["rst-good.jpg"],
  ["png-one-extra-byte.png"],
  ["png-palette-index-out-of-range.png", /colours that its palette has not/],
  ["png-text-bad-crc.png"],
];
const FOLDER = "inputs/odd";

const load = async (name: string) => toRawImage(await readShared(`${FOLDER}/${name}`));

/** Mean difference of the colours. */
function apart(a: RawImage, b: RawImage): number {
  assert.equal([a.width, a.height], [b.width, b.height]);
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += i % 4 === 3 ? 0 : Math.abs(a.data[i] - b.data[i]);
  return sum / (a.width * a.height * 3);
}

for (const [name, warning] of FILES) {
  sharedTest(test, `${name} shows the face of good.jpg`, [FOLDER], async () => {
    const image = await load(name);
    const off = apart(image, await load("good.jpg"));
    assert.ok(off < 10, `off by ${off}`);
    if (warning === undefined) assert.is(image.warnings, undefined);
    else if (image.warnings !== undefined) assert.match(image.warnings.join(), warning);
  });
}

test.run();
