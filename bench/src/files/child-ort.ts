/**
 * The same by sharp and onnxruntime, as one would write it: the next photos are decoded while the network looks at one.
 * `child-ort.js --flavour node|web --threads N --onnx FILE --max-side N PHOTO…`.
 */
import { type RawImage, resolveThresholds } from "retinaface-webgpu";
import sharp from "sharp";
import { openOnnx } from "../detectors/ort.js";
import { detectRetinaFaceOnnx } from "../detectors/retinaface-onnx.js";
import { readArguments, runPasses } from "./passes.js";

/** Photos that are decoded ahead. */
const AHEAD = 4;

const asked = readArguments(["flavour", "threads", "onnx", "max-side"]);
const { flavour, threads, onnx, "max-side": side } = asked.values;
const maxSide = Number(side);
const { visThreshold } = resolveThresholds();

/** As small as the network sees it: libjpeg shrinks while it decodes, the rest is resized. */
async function decode(file: string): Promise<RawImage> {
  const { data, info } = await sharp(file)
    .autoOrient()
    .resize(maxSide, maxSide, { fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

const model = await openOnnx(onnx!, Number(threads), flavour === "web" ? "web" : "node");
await runPasses(asked, async (photos, tell) => {
  const decoding = photos.slice(0, AHEAD).map(decode);
  for (const [i, file] of photos.entries()) {
    const image = await decoding[i];
    if (i + AHEAD < photos.length) decoding.push(decode(photos[i + AHEAD]));
    const { scores } = await detectRetinaFaceOnnx(model, image, undefined);
    tell(file, scores.filter((score) => score >= visThreshold).length);
  }
});
await model.dispose();
