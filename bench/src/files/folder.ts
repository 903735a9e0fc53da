/** Folders of drawn photos: a few different ones, the others are links to these, so that thousands take no room. */
import { link, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type RawImage, toRawImage } from "retinaface-webgpu";
import sharp from "sharp";
import { root } from "../environment.js";
import { UsageError } from "../options.js";

export interface FolderSpec {
  readonly count: number;
  /** Sides of the photos, which take turns. */
  readonly sizes: readonly (readonly [width: number, height: number])[];
  /** Photos that are different from each other. */
  readonly distinct: number;
}

/** What `bench:files` takes where no folder is named. */
export const DRAWN: FolderSpec = {
  count: 24,
  sizes: [
    [4000, 3000],
    [3000, 2000],
    [1600, 2400],
    [2048, 1366],
  ],
  distinct: 8,
};

/** The sample's drawn faces, tiled over a picture, shaded so that no two photos are alike. */
async function photo(sample: RawImage, width: number, height: number, n: number): Promise<Buffer> {
  const { data, width: w, height: h } = sample;
  const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const across = 2 + (n % 3);
  const side = Math.ceil(width / across);
  const tile = await sharp(pixels, { raw: { width: w, height: h, channels: 4 } })
    .removeAlpha()
    .resize(side, Math.ceil((side * h) / w))
    .modulate({ brightness: 0.85 + (n % 7) * 0.05 })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return sharp({ create: { width, height, channels: 3, background: "#777" } })
    .composite([{ input: tile, tile: true, gravity: "northwest" }])
    .jpeg({ quality: 90 })
    .toBuffer();
}

/**
 * Draws photos into a new or empty folder.
 * @throws UsageError for a folder that holds something
 */
export async function drawFolder(folder: string, spec: FolderSpec): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) throw new UsageError(`${folder} is not empty`);
  const sample = await toRawImage(path.join(root, "packages/retinaface/assets/sample.png"));
  const files: string[] = [];
  for (let n = 0; n < spec.count; n++) {
    const file = path.join(folder, `photo-${String(n).padStart(4, "0")}.jpg`);
    if (n < spec.distinct) {
      const [width, height] = spec.sizes[n % spec.sizes.length];
      await writeFile(file, await photo(sample, width, height, n));
    } else await link(files[n % spec.distinct], file);
    files.push(file);
  }
  return files;
}
