import type { Sample } from "@retinaface-webgpu/train";
import type { Random } from "./random.js";

/** A noisy square image with bright squares as its faces; every third one has no landmarks. */
export function makeSample(random: Random, size: number, faces: number): Sample {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : random.integer(60, 140);
  const boxes = new Float32Array(faces * 4);
  const landmarks = new Float32Array(faces * 10).fill(Number.NaN);
  for (let f = 0; f < faces; f++) {
    const side = random.integer(Math.ceil(size / 5), Math.floor(size / 2));
    const [x, y] = [0, 1].map(() => random.integer(0, size - side));
    paint(data, size, x, y, side);
    boxes.set(
      [x, y, x + side, y + side].map((v) => v / size),
      f * 4,
    );
    if (f % 3 === 2) continue;
    const points = [0.3, 0.35, 0.7, 0.35, 0.5, 0.55, 0.35, 0.75, 0.65, 0.75];
    const placed = points.map((p, i) => ((i % 2 === 0 ? x : y) + p * side) / size);
    landmarks.set(placed, f * 10);
  }
  const image = { data, width: size, height: size };
  return {
    id: `sample ${random.uint32()}`,
    image,
    boxes,
    landmarks,
    ignored: new Uint8Array(faces),
  };
}

function paint(data: Uint8ClampedArray, size: number, x: number, y: number, side: number): void {
  for (let row = y; row < y + side; row++) {
    for (let column = x; column < x + side; column++) {
      const eye = Math.abs(column - x - side / 2) > side / 6 && Math.abs(row - y - side / 3) < 2;
      data.fill(eye ? 30 : 230, (row * size + column) * 4, (row * size + column) * 4 + 3);
    }
  }
}

/** The images of a batch as the network takes them, one after the other: BGR minus the mean. */
export function batchInput(samples: readonly Sample[]): Float32Array {
  const mean = [104, 117, 123];
  const all = samples.map(({ image: { data, width, height } }) =>
    Float32Array.from(
      { length: width * height * 3 },
      (_, i) => data[Math.floor(i / 3) * 4 + 2 - (i % 3)] - mean[i % 3],
    ),
  );
  return Float32Array.from(all.flatMap((image) => [...image]));
}
