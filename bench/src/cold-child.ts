/**
 * A fresh process that detects faces once and tells when it had them: `cold-child.js WEIGHTS PHOTO`. Milliseconds
 * since the process began, by the clock and of processor time, as one line of JSON.
 */
import { RetinaFace, resizeBilinear, toRawImage } from "retinaface-webgpu";

const [weights, photo] = process.argv.slice(2);
const detector = await RetinaFace.load({ weights, backend: "webgpu" });
const loaded = performance.now();
const image = await toRawImage(photo);
const faces = await detector.detect(image);
const firstFaces = performance.now();
const { user, system } = process.cpuUsage();
const { pipelines } = detector.device.memory();

const known: number[] = [];
for (let i = 0; i < 5; i++) known.push(await timeDetect(image));
const other = resizeBilinear(image, 512, 416);
const newSize = await timeDetect(other);
const newSizeAgain = await timeDetect(other);
detector.dispose();
console.log(
  JSON.stringify({
    loaded,
    firstFaces,
    processor: (user + system) / 1000,
    pipelines,
    faces: faces.length,
    known,
    newSize,
    newSizeAgain,
  }),
);

async function timeDetect(picture: typeof image): Promise<number> {
  const start = performance.now();
  await detector.detect(picture);
  return performance.now() - start;
}
