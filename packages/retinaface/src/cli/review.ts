import jpeg from "jpeg-js";
import { escapeText } from "../escape.js";
import { resizeBilinear } from "../image/resize.js";
import type { Face, RawImage } from "../types.js";

/** Sides of the pictures on the page. */
const PHOTO_SIDE = 720;
const CROP_SIDE = 120;
const QUALITY = 80;
/** By what factor a crop shows more than the box, so that it can be seen what was hidden. */
const AROUND = 2.4;

const STYLE =
  "body{font:14px system-ui,sans-serif;margin:2em;background:#fff;color:#222}" +
  "section{border-top:1px solid #ccc;padding:1em 0}figure{display:inline-block;margin:4px;text-align:center}" +
  "img{display:block;max-width:100%}@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}}";

interface Checked {
  readonly photo: string;
  readonly crops: readonly string[];
}

/**
 * A page to check by eye what a run hid: each photo as it was written, to find faces that were missed, and each place that
 * was hidden with its surroundings, to find what was no face. It shows nothing that the copies do not show.
 */
export class Review {
  readonly #photos = new Map<string, Checked>();

  add(file: string, redacted: RawImage, faces: readonly Face[]): void {
    const crops = faces.map((face) => {
      const crop = cropAround(redacted, face.box);
      return `<figure>${picture(crop, CROP_SIDE)}<figcaption>${face.score.toFixed(2)}</figcaption></figure>`;
    });
    this.#photos.set(file, { photo: picture(redacted, PHOTO_SIDE), crops });
  }

  /** @param files in the order of the page */
  html(files: readonly string[]): string {
    const sections = files.flatMap((file) => {
      const checked = this.#photos.get(file);
      if (!checked)
        return [`<section><h2>${escapeText(file)}</h2><p>failed: not written</p></section>`];
      const { photo, crops } = checked;
      const hidden = `${crops.length} hidden`;
      return [
        `<section><h2>${escapeText(file)}: ${hidden}</h2>${photo}${crops.join("")}</section>`,
      ];
    });
    return (
      '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
      `<meta name="viewport" content="width=device-width"><title>Redacted photos</title><style>${STYLE}</style></head>` +
      `<body><h1>Redacted photos</h1><p>Look for faces that are still visible, and for what was hidden without being one. ` +
      `Numbers are the detector's scores.</p>\n${sections.join("\n")}\n</body></html>\n`
    );
  }
}

/** A picture of at most `side` pixels, within the page. */
function picture(image: RawImage, side: number): string {
  const scale = Math.min(1, side / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const small = scale < 1 ? resizeBilinear(image, width, height) : image;
  const { data } = small;
  const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const encoded = Buffer.from(jpeg.encode({ width, height, data: pixels }, QUALITY).data);
  return `<img loading="lazy" alt="" width="${width}" height="${height}" src="data:image/jpeg;base64,${encoded.toString("base64")}">`;
}

function cropAround(image: RawImage, [x1, y1, x2, y2]: Face["box"]): RawImage {
  const half = (Math.max(x2 - x1, y2 - y1) * AROUND) / 2;
  const inside = (value: number, most: number) => Math.min(Math.max(Math.round(value), 0), most);
  const left = inside((x1 + x2) / 2 - half, image.width - 1);
  const top = inside((y1 + y2) / 2 - half, image.height - 1);
  const width = Math.max(1, inside((x1 + x2) / 2 + half, image.width) - left);
  const height = Math.max(1, inside((y1 + y2) / 2 + half, image.height) - top);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 4;
    data.set(image.data.subarray(from, from + width * 4), y * width * 4);
  }
  return { data, width, height };
}
