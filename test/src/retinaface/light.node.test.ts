/** The light networks: layers against the published ONNX files, every engine, faces of real photographs. */
import {
  compile,
  nn,
  type StateDict,
  softmax,
  tensor,
  tidy,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import { compileWasm, createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import {
  type Face,
  inferNetwork,
  loadNetwork,
  type NetworkOutput,
  RetinaFace,
  RetinaFaceNetwork,
  readCheckpoint,
  readWeights,
  toRawImage,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { networkInput } from "../reference/detection.js";
import { useDevice } from "../support/gpu.js";
import { withOnnxWeights } from "../support/onnx-weights.js";
import { onnxRuntime, oracleAbsent } from "../support/oracle.node.js";
import { Random } from "../support/random.js";
import { readShared, sharedExists, sharedTest } from "../support/shared.js";
import { skip } from "../support/skip.js";

const device = useDevice(test);

/** The size that the ONNX files have. */
const [WIDTH, HEIGHT] = [320, 240];
const PHOTO = "images/crowds/18f__assets__blog__bechdel__team.jpg";
const STRIDES = [8, 16, 32, 64];
const ANCHORS = [3, 2, 2, 3];
const CELLS = STRIDES.map((s) => Math.ceil(HEIGHT / s) * Math.ceil(WIDTH / s));
const PRIORS = CELLS.reduce((sum, cells, i) => sum + cells * ANCHORS[i], 0);
const MEAN_BGR = [104, 117, 123];
/** Largest difference allowed. */
const CLOSE = 1e-4;

const PAIRS = [
  ["slim", "weights/slim_Final.pth", "weights/peers/linzaer-version-slim-320"],
  ["rfb", "weights/RBF_Final.pth", "weights/peers/linzaer-version-RFB-320"],
] as const;

/** Channels first. */
function planar(pixels: Float32Array): Float32Array {
  const area = pixels.length / 3;
  return Float32Array.from(pixels, (_, i) => pixels[(i % area) * 3 + Math.floor(i / area)]);
}

/** What Ultra-Light's code feeds: R, G, B less 127, over 128. */
function ultralightInput(bgr: Float32Array): Float32Array {
  return bgr.map((_, i) => {
    const channel = 2 - (i % 3);
    return (bgr[i - (i % 3) + channel] + MEAN_BGR[channel] - 127) / 128;
  });
}

async function runOnnx(model: Uint8Array, pixels: Float32Array) {
  const ort = onnxRuntime();
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const input = new ort.Tensor("float32", planar(pixels), [1, 3, HEIGHT, WIDTH]);
  const { scores, boxes } = await session.run({ input });
  await session.release();
  return { scores: scores.data, boxes: boxes.data };
}

type Image = ReturnType<typeof tensor>;
type Outputs = Readonly<Record<string, Float32Array>>;

/** Every head's numbers, class ones as probabilities, on every engine. */
async function runOurs(bytes: Uint8Array, bgr: Float32Array): Promise<Record<string, Outputs>> {
  const { state, config } = readWeights(bytes);
  const shape = [1, HEIGHT, WIDTH, 3];
  const spec = [{ shape, dtype: "f32" as const }];
  const shapeOf = inferNetwork(state, config.heads);
  const network = loadNetwork(nn.Init.empty(device()), shapeOf, state, config.anchors);
  const forward = (net: typeof network) => (image: Image) => {
    const { conf, ...others } = net.forward(image);
    return { conf: softmax(conf), ...others } as NetworkOutput;
  };
  const eager = tidy(() => forward(network)(tensor(device(), bgr, shape)));
  const names = Object.keys(eager);
  const read: Record<string, Float32Array> = {};
  for (const name of names) read[name] = (await eager[name].data()) as Float32Array;
  for (const value of Object.values(eager)) value.dispose();

  const plan = await compile(device(), forward(network), spec);
  plan.inputs[0].write(bgr);
  plan.run();
  const compiled: Record<string, Float32Array> = {};
  for (const name of names) {
    compiled[name] = (await plan.outputs[name].tensor.data()) as Float32Array;
  }
  plan.dispose();
  network.dispose();

  const host = await createHostDevice();
  const engine = await WasmEngine.create({ threads: 2 });
  const onHost = loadNetwork(nn.Init.empty(host), shapeOf, state, config.anchors);
  const wasmPlan = await compileWasm(host, engine, forward(onHost), spec);
  const results = await wasmPlan.run([bgr]);
  const wasm: Record<string, Float32Array> = {};
  for (const name of names) wasm[name] = results[wasmPlan.outputs[name].result].slice();
  wasmPlan.dispose();
  onHost.dispose();
  engine.dispose();
  host.destroy();
  return { eager: read, compiled, wasm };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.is(a.length, b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

function assertEqualOutputs(ours: Record<string, Outputs>, expected: Outputs): void {
  for (const [engine, outputs] of Object.entries(ours)) {
    for (const [name, values] of Object.entries(expected)) {
      const difference = worst(outputs[name], values);
      assert.ok(difference <= CLOSE, `${name} on ${engine} differs by ${difference}`);
    }
  }
}

/** The published name of a tensor of the ONNX file in the checkpoints with landmarks. */
function lightName(name: string): string {
  return name
    .replace(/^base_net\.(\d+)/, (_, n) => `conv${Number(n) + 1}`)
    .replace(/^extras\.0/, "conv14")
    .replace(/^classification_headers/, "conf")
    .replace(/^regression_headers/, "loc");
}

/** Numbers of part `part` of the landmark heads that the box heads have room for, the rest 0. */
function landmarkPart(state: StateDict, name: string, part: number): Float32Array | undefined {
  const head = /^regression_headers\.(\d)(\.2)?\.(weight|bias)$/.exec(name);
  if (!head) return undefined;
  const { shape, data } = state.get(lightName(name).replace("loc", "landm"))!;
  const room = ANCHORS[Number(head[1])] * 4;
  const width = data.length / shape[0];
  const out = new Float32Array(room * width);
  out.set((data as Float32Array).subarray(part * room * width, (part + 1) * room * width));
  return out;
}

/** Landmarks as the box heads give them in three parts, put together: `[priors, 10]`. */
async function onnxLandmarks(model: Uint8Array, state: StateDict, bgr: Float32Array) {
  const landmarks = new Float32Array(PRIORS * 10);
  for (let part = 0; part < 3; part++) {
    const patched = withOnnxWeights(model, (name) => {
      const head = landmarkPart(state, name, part);
      const depthwise = name.startsWith("regression_headers") && !head;
      const own = lightName(name).replace(depthwise ? "loc" : /$^/, "landm");
      return head ?? (state.get(own)?.data as Float32Array | undefined);
    });
    const { boxes } = await runOnnx(patched, bgr);
    let [from, to] = [0, 0];
    for (const [level, cells] of CELLS.entries()) {
      const [room, wide] = [ANCHORS[level] * 4, ANCHORS[level] * 10];
      for (let cell = 0; cell < cells; cell++) {
        for (let c = 0; c < room && part * room + c < wide; c++) {
          landmarks[to + cell * wide + part * room + c] = boxes[from + cell * room + c];
        }
      }
      from += cells * room;
      to += cells * wide;
    }
  }
  return landmarks;
}

for (const [name, light, peer] of PAIRS) {
  const needed = [light, `${peer}.pth`, `${peer}.onnx`, PHOTO];
  const absent = needed.find((file) => !sharedExists(file));
  const why = absent ? `needs ../shared/${absent}` : oracleAbsent();
  const both = (what: string, run: () => Promise<void>) =>
    why ? skip(test, what, why) : test(what, run);

  both(
    `${name}: Ultra-Light's checkpoint gives what its ONNX file gives, on every engine`,
    async () => {
      const bgr = networkInput(await toRawImage(await readShared(PHOTO)), WIDTH, HEIGHT);
      const expected = await runOnnx(await readShared(`${peer}.onnx`), ultralightInput(bgr));
      const ours = await runOurs(await readShared(`${peer}.pth`), bgr);
      assert.equal(Object.keys(ours.eager), ["conf", "loc"]);
      assertEqualOutputs(ours, { conf: expected.scores, loc: expected.boxes });
    },
  );

  both(
    `${name}: the checkpoint with landmarks gives what that ONNX file gives with its numbers`,
    async () => {
      const bgr = networkInput(await toRawImage(await readShared(PHOTO)), WIDTH, HEIGHT);
      const bytes = await readShared(light);
      const state = readCheckpoint(bytes);
      const model = await readShared(`${peer}.onnx`);
      const patched = withOnnxWeights(model, (n) => state.get(lightName(n))?.data as Float32Array);
      const { scores, boxes } = await runOnnx(patched, bgr);
      const landms = await onnxLandmarks(model, state, bgr);
      const ours = await runOurs(bytes, bgr);
      assertEqualOutputs(ours, { conf: scores, loc: boxes, landms });
    },
  );
}

test("our own light network gives the same on every engine", async () => {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 4), { backbone: "light" });
  const bytes = writeSafetensors(await network.stateDict());
  network.dispose();
  const random = new Random(7);
  const image = Float32Array.from({ length: WIDTH * HEIGHT * 3 }, () => random.uniform(-1, 1));
  const ours = await runOurs(bytes, image);
  assert.ok(ours.eager.loc.some((value) => Math.abs(value) > 0.01));
  assertEqualOutputs(ours, ours.eager);
});

const iou = ([ax1, ay1, ax2, ay2]: Face["box"], [bx1, by1, bx2, by2]: Face["box"]): number => {
  const w = Math.min(ax2, bx2) - Math.max(ax1, bx1);
  const h = Math.min(ay2, by2) - Math.max(ay1, by1);
  if (w <= 0 || h <= 0) return 0;
  return (w * h) / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - w * h);
};

const OFFICIAL = "weights/mobilenet0.25_Final.pth";
const GROUPS = ["bechdel__team", "pif__pif-group", "data-act-implementation__data-act-meeting"].map(
  (n) => `images/crowds/18f__assets__blog__${n}.jpg`,
);

sharedTest(
  test,
  "slim and RFB find the official network's faces of at least 24 px in group photos",
  [OFFICIAL, ...PAIRS.map(([, file]) => file), ...GROUPS],
  async () => {
    const load = async (file: string) =>
      RetinaFace.load({ weights: await readShared(file), backend: "wasm", maxSide: 1280 });
    const official = await load(OFFICIAL);
    const light = await Promise.all(PAIRS.map(([, file]) => load(file)));
    const found = light.map(() => 0);
    let faces = 0;
    for (const photo of GROUPS) {
      const image = await toRawImage(await readShared(photo));
      const wanted = (await official.detect(image)).filter(
        ({ box: [x1, y1, x2, y2] }) => Math.min(x2 - x1, y2 - y1) >= 24,
      );
      faces += wanted.length;
      for (const [i, detector] of light.entries()) {
        const own = await detector.detect(image);
        found[i] += wanted.filter(({ box }) =>
          own.some((face) => iou(box, face.box) >= 0.4),
        ).length;
      }
    }
    for (const detector of [official, ...light]) detector.dispose();
    console.log(`# of ${faces} faces slim finds ${found[0]}, RFB ${found[1]}`);
    assert.ok(faces >= 30);
    for (const count of found) assert.ok(count / faces > 0.85, `${count} of ${faces}`);
  },
);

test.run();
