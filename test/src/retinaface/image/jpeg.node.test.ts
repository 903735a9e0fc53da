/* What Node's own JPEG decoder promises beyond browsers: colour spaces, and damage that browsers paint over. */
import { toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { base, cb, cr, find, luma, waves } from "../../support/jpeg-samples.js";

test("CMYK with and without Adobe's marker, and YCCK", async () => {
  const black = waves(0.02, 0.03, 0);
  const inks = [luma, cb, cr, black];
  const size = { width: 24, height: 17 };
  const paper = draw(24, 17, (x, y) => {
    const [c, m, yellow, k] = inks.map((ink) => ink(x, y) / 255);
    return [c, m, yellow].map((ink) => Math.round(255 * (1 - ink) * (1 - k)));
  });
  const inverted = inks.map((ink) => ({ sample: (x: number, y: number) => 255 - ink(x, y) }));
  for (const progressive of [false, true]) {
    const cmyk = encodeJpeg({ ...size, progressive, components: inverted });
    assert.ok(difference(await toRawImage(cmyk), paper) <= 4);
    const adobe = encodeJpeg({ ...size, progressive, components: inverted, adobe: 0 });
    assert.ok(difference(await toRawImage(adobe), paper) <= 4);
  }
  // YCCK: the complements of the stored inks as YCbCr, black as stored.
  const toYcc = (x: number, y: number) => {
    const [r, g, b] = [luma, cb, cr].map((ink) => ink(x, y));
    const light = 0.299 * r + 0.587 * g + 0.114 * b;
    return [light, 128 + (b - light) / 1.772, 128 + (r - light) / 1.402].map(Math.round);
  };
  const ycck = encodeJpeg({
    ...size,
    adobe: 2,
    components: [
      ...[0, 1, 2].map((n) => ({ sample: (x: number, y: number) => toYcc(x, y)[n] })),
      { sample: (x, y) => 255 - black(x, y) },
    ],
  });
  assert.ok(difference(await toRawImage(ycck), paper) <= 5);
});

test("every truncation is an error, with an end marker put behind it too", async () => {
  for (const options of [base, { ...base, restart: 2 }]) {
    const file = encodeJpeg(options);
    const data = find(file, 0xda) + 14;
    for (let length = 2; length < file.length - 2; length++) {
      const cut = file.subarray(0, length);
      assert.is(await codeOf(toRawImage(cut)), "IMAGE_CORRUPT", `${length} of ${file.length}`);
      if (length < data) continue;
      const closed = Uint8Array.from([...cut, 0xff, 0xd9]);
      assert.is(await codeOf(toRawImage(closed)), "IMAGE_CORRUPT", `${length} closed`);
    }
  }
});

test("a progressive file that ends within a scan is an error", async () => {
  const file = encodeJpeg({ ...base, progressive: true });
  for (let scan = find(file, 0xda); scan >= 0; scan = find(file, 0xda, scan + 2)) {
    const start = scan + 2 + file[scan + 3];
    const closed = Uint8Array.from([...file.subarray(0, start), 0xff, 0xd9]);
    assert.is(await codeOf(toRawImage(closed)), "IMAGE_CORRUPT", `scan at ${scan}`);
  }
});

test("missing tables are errors", async () => {
  const spoil = (file: Uint8Array, marker: number) => {
    file[find(file, marker) + 1] = 0xef;
    return file;
  };
  const progressive = encodeJpeg({ ...base, progressive: true });
  for (const bytes of [spoil(progressive, 0xc4), spoil(encodeJpeg(base), 0xdb)]) {
    assert.is(await codeOf(toRawImage(bytes)), "IMAGE_CORRUPT");
  }
});

test.run();
