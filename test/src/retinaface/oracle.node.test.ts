import { nn, softmax, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  type RawImage,
  RetinaFace,
  RetinaFaceNetwork,
  readCheckpoint,
  toRawImage,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { networkInput, type ReferenceFace, referenceFaces } from "../reference/detection.js";
import { useDevice } from "../support/gpu.js";
import { ORACLE_MODEL, type Oracle, openOracle, oracleAbsent } from "../support/oracle.node.js";
import { readShared, sharedExists } from "../support/shared.js";
import { skip } from "../support/skip.js";

const WEIGHTS = "weights/mobilenet0.25_Final.pth";

const CROWDS = [
  "blog__were-hiring__team",
  "blog__agile-workshop__workshop1",
  "blog__agile-workshop__workshop2",
  "img__projects__ready-2-serve-sailors",
  "blog__national-day-of-civic-hacking-2015__hacking-day-tucson",
  "blog__content__collaborate-content",
  "blog__estonia__Estonia2",
  "blog__content__scrap-paper",
  "blog__pif__pif-reunion-19",
  "blog__gds__2015-visit",
  "blog__moveforward__roth-selfie",
  "blog__product-transition__product-transition",
  "blog__data-act-implementation__data-act-meeting",
  "blog__join-us__18F-IRL-2016",
  "blog__join-us__team-photo",
  "blog__pif__pif-group",
  "blog__ca-child-welfare__ca-team",
  "blog__18f-folks__blog_banner",
  "blog__bechdel__team",
].map((name) => `images/crowds/18f__assets__${name}.jpg`);
const PHOTOS = [...CROWDS, "images/portraits/astronaut.png"];

const device = useDevice(test);
let oracle: Oracle;
test.before(async () => {
  if (!reason()) oracle = await openOracle();
});

function reason(): string | undefined {
  const absent = [WEIGHTS, ORACLE_MODEL, ...PHOTOS].filter((path) => !sharedExists(path));
  return absent.length ? `needs ../shared/${absent[0]}` : oracleAbsent();
}

function oracleTest(name: string, run: () => Promise<void>): void {
  const why = reason();
  if (why) skip(test, name, why);
  else test(name, run);
}

const decoded = new Map<string, RawImage>();

/** A photo's pixels; every test looks at the same ones. */
async function readPhoto(path: string): Promise<RawImage> {
  const image = decoded.get(path) ?? (await toRawImage(await readShared(path)));
  decoded.set(path, image);
  return image;
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.is(a.length, b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

oracleTest("raw outputs equal the ONNX export's at 640×640", async () => {
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), { backbone: "mobilenet0.25" });
  network.loadStateDict(readCheckpoint(await readShared(WEIGHTS)), { strict: false });
  network.eval().requiresGrad(false);
  for (const path of [PHOTOS[0], PHOTOS[6], PHOTOS[13], PHOTOS[18], PHOTOS[19]]) {
    const input = networkInput(await readPhoto(path), 640, 640);
    const expected = await oracle.run(input, 640, 640);
    const actual = tidy(() => {
      const { loc, conf, landms } = network.forward(tensor(device(), input, [1, 640, 640, 3]));
      return { loc, conf: softmax(conf), landms };
    });
    const difference = {
      loc: worst(await actual.loc.data(), expected.loc),
      conf: worst(await actual.conf.data(), expected.conf),
      landms: worst(await actual.landms.data(), expected.landms),
    };
    console.log(`# ${path}: largest differences ${JSON.stringify(difference)}`);
    assert.ok(difference.loc <= 1e-3 && difference.landms <= 1e-3 && difference.conf <= 1e-4);
    for (const value of Object.values(actual)) value.dispose();
  }
  network.dispose();
});

/** Compares with the reference, allowing faces of practically equal score to change places. */
function compareFaces(
  actual: Awaited<ReturnType<RetinaFace["detect"]>>,
  expected: readonly ReferenceFace[],
): number {
  assert.is(actual.length, expected.length, "number of faces");
  let most = 0;
  for (const [i, face] of actual.entries()) {
    const near = expected.filter((other) => Math.abs(other.score - face.score) <= 1e-4);
    const distances = near.map((other) => worst(face.box, other.box));
    const best = near[distances.indexOf(Math.min(...distances))];
    assert.ok(best && Math.min(...distances) <= 0.5, `face ${i} has a counterpart`);
    const rank = expected.indexOf(best);
    const swapped = Math.abs(expected[i].score - best.score) <= 1e-5;
    assert.ok(rank === i || swapped, `face ${i} stands at ${rank} in the reference`);
    most = Math.max(most, ...distances.filter((d) => d === Math.min(...distances)));
    const points = Object.values(face.landmarks).flat();
    assert.ok(worst(points, best.landmarks.flat()) <= 0.5, `landmarks of face ${i}`);
  }
  return most;
}

for (const maxSide of [640, undefined]) {
  const size = maxSide ? `at --max-side ${maxSide}` : "at original size";
  oracleTest(
    `faces equal a plain implementation's on ${PHOTOS.length} photos ${size}`,
    async () => {
      const weights = await readShared(WEIGHTS);
      const detector = await RetinaFace.load({ weights, device: device() });
      let most = 0;
      let count = 0;
      for (const path of PHOTOS) {
        const image = await readPhoto(path);
        const scale = Math.min(1, (maxSide ?? 1e9) / Math.max(image.width, image.height));
        const width = Math.round(image.width * scale);
        const height = Math.round(image.height * scale);
        const outputs = await oracle.run(networkInput(image, width, height), width, height);
        const expected = referenceFaces(
          outputs,
          { width, height, imageWidth: image.width, imageHeight: image.height },
          0.6,
        );
        const actual = await detector.detect(image, { maxSide });
        most = Math.max(most, compareFaces(actual, expected));
        count += actual.length;
        if (path.includes("18F-IRL-2016") && !maxSide) {
          assert.ok(actual.length >= 80, `${actual.length} faces in 18F-IRL-2016`);
        }
      }
      console.log(`# ${count} faces, boxes differ by at most ${most.toFixed(4)} px`);
      detector.dispose();
    },
  );
}

test.run();
