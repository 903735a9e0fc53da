/** Made-up heads as pictures, with what is known of them. */
import { faceTemplate, HeadGenerator, MeshRenderer, type Pose } from "@retinaface-webgpu/mesh";
import { type Device, Random, type TensorInfo } from "@retinaface-webgpu/tensor";
import { compileWasm, outputValues, type WasmEngine } from "@retinaface-webgpu/tensor/wasm";

export const SIZE = [64, 64] as const;
export const PIXELS = SIZE[0] * SIZE[1];
export const VERTICES = faceTemplate().levels[0].vertices;

/** A head and its picture. */
export interface Example {
  /** [64, 64, 3], on a background. */
  readonly photo: Float32Array;
  /** [v, 3] in centimetres. */
  readonly vertices: Float32Array;
  /** [v, 3]: x and y in pixels, depth. */
  readonly positions: Float32Array;
  readonly pose: Pose;
}

/** As many heads are drawn at once. */
const BATCH = 16;

/** Draws the heads of seeds. */
export async function drawHeads(
  host: Device,
  engine: WasmEngine,
  seeds: readonly number[],
): Promise<Example[]> {
  const [{ triangles }] = faceTemplate().levels;
  const renderer = new MeshRenderer(host, triangles, { vertices: VERTICES, size: SIZE });
  const info = (...shape: number[]): TensorInfo => ({ shape: [BATCH, ...shape], dtype: "f32" });
  const plan = await compileWasm(
    host,
    engine,
    (vertices, colours, camera, light) => {
      const { image, mask, positions } = renderer.render({ vertices, colours, camera, light });
      return [image, mask, positions];
    },
    [info(VERTICES, 3), info(VERTICES, 3), info(7), info(9)],
  );
  const generator = new HeadGenerator();
  const examples: Example[] = [];
  for (let first = 0; first < seeds.length; first += BATCH) {
    const own = Array.from(
      { length: BATCH },
      (_, i) => seeds[Math.min(first + i, seeds.length - 1)],
    );
    const heads = own.map((seed) => generator.head(seed));
    const results = await plan.run([
      rows(heads.map(({ vertices }) => vertices)),
      rows(heads.map(({ colours }) => colours)),
      rows(heads.map(({ camera }) => camera)),
      rows(heads.map(({ light }) => light)),
    ]);
    const [image, mask, positions] = plan.outputs.map((output) => outputValues(output, results));
    for (const [i, { vertices, pose }] of heads.entries()) {
      if (first + i >= seeds.length) break;
      const part = (values: Float32Array, length: number) =>
        values.slice(i * length, (i + 1) * length);
      const [drawn, seen] = [part(image, PIXELS * 3), part(mask, PIXELS)];
      const photo = onBackground(drawn, seen, own[i]);
      examples.push({ photo, vertices, positions: part(positions, VERTICES * 3), pose });
    }
  }
  plan.dispose();
  renderer.dispose();
  return examples;
}

/** Lists one after the other. */
export function rows(lists: readonly ArrayLike<number>[]): Float32Array {
  const length = lists[0].length;
  const all = new Float32Array(lists.length * length);
  for (const [i, list] of lists.entries()) all.set(list, i * length);
  return all;
}

/** Colours that run from corner to corner, with noise. */
function onBackground(image: Float32Array, mask: Float32Array, seed: number): Float32Array {
  const random = new Random(seed + 0x5eed);
  const corners = Array.from({ length: 12 }, () => random.uniform());
  return image.map((value, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    if (mask[pixel] > 0.5) return Math.min(1, value);
    const [x, y] = [(pixel % SIZE[1]) / SIZE[1], Math.floor(pixel / SIZE[1]) / SIZE[0]];
    const at = (corner: number) => corners[corner * 3 + channel];
    const above = at(0) + x * (at(1) - at(0));
    const below = at(2) + x * (at(3) - at(2));
    return above + y * (below - above) + 0.08 * random.normal();
  });
}
