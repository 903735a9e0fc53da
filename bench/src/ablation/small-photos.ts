import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { resizeBilinear, toRawImage } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";

/** A line of `data/photos/labels.jsonl`, as far as it has pixels in it. */
interface Labelled {
  readonly image: string;
  readonly faces: readonly { readonly box: number[]; readonly landmarks?: number[] }[];
}

const scaled = (numbers: number[], by: number) => numbers.map((number) => number * by);

/** Halves a photo into `folder`. @returns its line of labels */
async function halve({ image, faces }: Labelled, from: string, folder: string): Promise<string> {
  const photo = await toRawImage(path.join(from, image));
  const [width, height] = [photo.width >> 1, photo.height >> 1];
  const name = `${path.parse(image).name}.png`;
  writeFileSync(path.join(folder, name), encodePng(resizeBilinear(photo, width, height)));
  const small = faces.map((face) => ({
    ...face,
    box: scaled(face.box, 0.5),
    ...(face.landmarks && { landmarks: scaled(face.landmarks, 0.5) }),
  }));
  return JSON.stringify({ image: name, width, height, faces: small });
}

/**
 * Copies of labelled photos at half their sides: a step of the small preset is cheap, and decoding large photos for it would take
 * four fifths of the time. Made once under `cache`, by whichever of several programs is first.
 *
 * @returns the file of their labels
 */
export async function halvedPhotos(labels: string, cache: string): Promise<string> {
  const text = readFileSync(labels, "utf8");
  const folder = path.join(cache, createHash("sha256").update(text).digest("hex").slice(0, 12));
  const file = path.join(folder, "labels.jsonl");
  if (existsSync(file)) return file;
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(`${folder}.part-`);
  try {
    const lines: string[] = [];
    for (const line of text.split("\n").filter(Boolean))
      lines.push(await halve(JSON.parse(line), path.dirname(labels), unfinished));
    writeFileSync(path.join(unfinished, "labels.jsonl"), `${lines.join("\n")}\n`);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true });
    // Another ablation may have made them meanwhile.
    if (!existsSync(file)) throw error;
  }
  return file;
}
