import {
  type ResizeOptions,
  resizeBilinear,
  resizeNearest,
  tensor,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bilinear, nearest, type ResizeReference } from "../../reference/resize.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";

const device = useDevice(test);

interface Layout {
  readonly shape: [number, number, number, number];
  readonly options: Pick<ResizeOptions, "size" | "scale">;
}

const layouts: Layout[] = [
  { shape: [1, 5, 7, 3], options: { scale: 2 } },
  { shape: [3, 4, 3, 64], options: { size: [7, 6] } },
  { shape: [1, 9, 11, 1], options: { size: [4, 3] } },
  { shape: [3, 5, 5, 5], options: { scale: [0.6, 1.7] } },
  { shape: [1, 1, 6, 4], options: { size: [3, 1] } },
];

function referenceOf({ shape, options }: Layout, coordinates: string): ResizeReference {
  const { size, scale = 1 } = options;
  const [sy, sx] = typeof scale === "number" ? [scale, scale] : scale;
  const target: [number, number] = size
    ? [size[0], size[1]]
    : [Math.floor(shape[1] * sy), Math.floor(shape[2] * sx)];
  const ratio: [number, number] = size ? [size[0] / shape[1], size[1] / shape[2]] : [sy, sx];
  return { size: target, scale: ratio, coordinates };
}

const coordinates = ["halfPixel", "alignCorners", "asymmetric", "halfPixelFloor"] as const;
const roundings = ["floor", "ceil", "roundPreferFloor", "roundPreferCeil"] as const;

for (const rounding of roundings) {
  test(`nearest, ${rounding}: values and gradients in every coordinate convention`, async () => {
    for (const layout of layouts) {
      for (const convention of coordinates) {
        const { shape, options } = layout;
        await checkOp(device(), {
          name: `nearest [${shape}] ${JSON.stringify(options)} ${convention}`,
          inputs: [{ shape }],
          op: (x) => resizeNearest(x, { ...options, coordinates: convention, rounding }),
          reference: (x) => nearest(x, referenceOf(layout, convention), rounding),
        });
      }
    }
  });
}

for (const convention of coordinates) {
  test(`bilinear, ${convention}: values and gradients`, async () => {
    for (const layout of layouts) {
      const { shape, options } = layout;
      await checkOp(device(), {
        name: `bilinear [${shape}] ${JSON.stringify(options)}`,
        inputs: [{ shape }],
        op: (x) => resizeBilinear(x, { ...options, coordinates: convention }),
        reference: (x) => bilinear(x, referenceOf(layout, convention)),
      });
    }
  });
}

test("the defaults are PyTorch's", async () => {
  const x = tensor(device(), [1, 2, 3, 4], [1, 2, 2, 1]);
  assert.equal([...(await resizeNearest(x, { size: [3, 3] }).data())], [1, 1, 2, 1, 1, 2, 3, 3, 4]);
  assert.equal(
    [...(await resizeBilinear(x, { size: [2, 4] }).data())],
    [1, 1.25, 1.75, 2, 3, 3.25, 3.75, 4],
  );
});

test("every integer ratio gives the exact pixel, also for large images", async () => {
  for (const ratio of [3, 7, 41, 123]) {
    const from = Math.floor(6000 / ratio);
    const x = tensor(
      device(),
      Float32Array.from({ length: from }, (_, i) => i),
      [1, 1, from, 1],
    );
    const y = resizeNearest(x, { size: [1, from * ratio] });
    assert.ok((await y.data()).every((v, i) => v === Math.floor(i / ratio)));
    x.dispose();
    y.dispose();
  }
});

test("what cannot be resized", () => {
  const x = tensor(device(), [1, 2, 3, 4], [2, 2]);
  assert.throws(() => resizeNearest(x, { scale: 2 }), /\[2, 2\] is not a batch of images/);
  const image = tensor(device(), [1, 2, 3, 4], [1, 2, 2, 1]);
  assert.throws(() => resizeBilinear(image, { scale: 0.1 }), /to height and width \[0, 0\]/);
});

test.run();
