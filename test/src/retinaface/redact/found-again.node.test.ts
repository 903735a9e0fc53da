/** Another detector, YuNet in onnxruntime, looks for the faces that were hidden. `npm run bench:redaction` counts on all photos. */
import { overlap, type RawImage, RetinaFace, redact, toRawImage } from "retinaface-webgpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type OnnxModel, openOnnx } from "../../../../bench/dist/detectors/ort.js";
import { detectYunet, YUNET_THRESHOLD } from "../../../../bench/dist/detectors/yunet.js";
import { TwoLooks } from "../../../../packages/retinaface/dist/cli/redact.js";
import { oracleAbsent } from "../../support/oracle.node.js";
import { sharedExists, sharedPath } from "../../support/shared-files.node.js";
import { skip } from "../../support/skip.js";

const test = suite("found again");
const MODEL = "weights/peers/yunet_n_dynamic.onnx";
const PHOTO = "images/crowds/18f__assets__blog__join-us__team-photo.jpg";
const SIDE = 1280;
const LEAST_FACE = 24;
const SAME = 0.4;
/** Of some 40 faces; noise makes each run another one. In mosaics of 8 cells it is every second. */
const MOST = 3;

type Box = [number, number, number, number];

async function facesIn(model: OnnxModel, image: RawImage): Promise<Box[]> {
  const { scores, boxes } = await detectYunet(model, image, { maxSide: SIDE });
  const all = Array.from(scores, (_, i) => [...boxes.subarray(4 * i, 4 * i + 4)] as Box);
  return all.filter((_, i) => scores[i] >= YUNET_THRESHOLD);
}

const name = "YuNet finds hardly any of the faces that were hidden, in each style";
const absent = [MODEL, PHOTO].find((file) => !sharedExists(file));
const why = absent ? `needs ../shared/${absent}` : oracleAbsent();
if (why !== undefined) skip(test, name, why);
else {
  test(name, async () => {
    const photo = await toRawImage(sharedPath(PHOTO), { maxSide: SIDE });
    const image = { data: photo.data, width: photo.width, height: photo.height };
    const options = { backend: "wasm", visThreshold: 0.3 } as const;
    const detector = new TwoLooks(await RetinaFace.load(options));
    const model = await openOnnx(sharedPath(MODEL), 1);
    try {
      const hidden = await detector.detect(image, {});
      const before = (await facesIn(model, image)).filter(
        ([x1, y1, x2, y2]) => Math.min(x2 - x1, y2 - y1) >= LEAST_FACE,
      );
      assert.ok(before.length >= 10, `${before.length} faces to be found`);
      for (const style of ["pixelate", "blur", "fill"] as const) {
        const after = await facesIn(model, redact(image, hidden, { style }));
        const again = before.filter((box) => after.some((other) => overlap(box, other) >= SAME));
        assert.ok(again.length <= MOST, `${style}: ${again.length} of ${before.length}`);
      }
    } finally {
      await model.dispose();
      detector.dispose();
    }
  });
}

test.run();
