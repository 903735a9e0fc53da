/** In Node only, for what it takes: more samples than one buffer is to hold. */
import { deformConv2d, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import { deformConv2d as reference } from "../../reference/deform.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

test("of outputs too large for one buffer of samples, rows are made one band after another", async () => {
  const random = new Random(4);
  // 16 rows of 150 pixels, 9 taps of 1,024 channels: 5.5 MB a row, 88.5 in all.
  const [rows, columns, channels] = [16, 150, 1024];
  const x = tensor(device(), random.normals(3 * 3 * channels), [1, 3, 3, channels]);
  const offsets = random.normals(rows * columns * 18, 0, 4);
  const offset = tensor(device(), offsets, [1, rows, columns, 18]);
  const weight = tensor(device(), random.normals(channels * 9), [1, channels, 3, 3]);
  const padding = [1, rows - 2, 1, columns - 2] as const;
  const y = tidy(() => deformConv2d(x, offset, weight, undefined, undefined, { padding }));
  const values = await y.data();
  const array = (data: ArrayLike<number>, shape: number[]) => ({
    data: Float64Array.from(data),
    shape,
  });
  for (const row of [11, 12, 15]) {
    const part = { stride: [1, 1], dilation: [1, 1], groups: 1 } as const;
    const expected = reference(
      array(await x.data(), [1, 3, 3, channels]),
      array(
        Float32Array.from(offsets.slice(row * columns * 18, row * columns * 18 + 180)),
        [1, 1, 10, 18],
      ),
      array(await weight.data(), [1, channels, 3, 3]),
      undefined,
      undefined,
      { ...part, padding: [1 - row, row - 1, 1, 8] },
    );
    const from = row * columns;
    assertClose(values.slice(from, from + 10), expected.data, { atol: 1e-4, rtol: 1e-4 });
  }
});

test.run();
