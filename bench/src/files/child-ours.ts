/** Warm passes over photos by this library: `child-ours.js --weights FILE --backend NAME --decoder NAME --max-side N PHOTO…`. */
import { type BackendChoice, type DecodeOptions, RetinaFace } from "retinaface-webgpu";
import { readArguments, runPasses } from "./passes.js";

const asked = readArguments(["weights", "backend", "decoder", "max-side"]);
const { weights, backend, decoder, "max-side": side } = asked.values;
const detector = await RetinaFace.load({
  weights,
  backend: backend as BackendChoice,
  decoder: decoder as DecodeOptions["decoder"],
  maxSide: Number(side),
});
await runPasses(asked, async (photos, tell) => {
  for await (const { file, faces, error } of detector.detectFiles(photos)) {
    if (error) throw error;
    tell(file as string, faces?.length ?? 0);
  }
});
detector.dispose();
