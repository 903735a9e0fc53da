import { loadOnnx } from "@retinaface-webgpu/onnx";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { onnxRuntime, oracleAbsent } from "../support/oracle.node.js";
import { Random } from "../support/random.js";
import { readShared, sharedExists } from "../support/shared.js";
import { skip } from "../support/skip.js";

/* Published models against onnxruntime, on WebGPU and on the WebAssembly engine. */

const device = useDevice(test);
const BOUND = 1e-4;

const MODELS: readonly (readonly [
  file: string,
  shape: readonly number[],
  range: [number, number],
])[] = [
  ["weights/mobilenet0.25_640x640.onnx", [1, 3, 640, 640], [-120, 130]],
  ["weights/peers/linzaer-version-RFB-320.onnx", [1, 3, 240, 320], [-1, 1]],
  ["weights/peers/linzaer-version-slim-320.onnx", [1, 3, 240, 320], [-1, 1]],
  ["weights/peers/yunet_n_dynamic.onnx", [1, 3, 64, 96], [0, 255]],
];

for (const [file, shape, [low, high]] of MODELS) {
  const why = sharedExists(file) ? oracleAbsent() : `needs ../shared/${file}`;
  const what = `${file.replace(/.*\//, "")} gives what onnxruntime gives, within ${BOUND}`;
  if (why) {
    skip(test, what, why);
    continue;
  }
  test(what, async () => {
    const random = new Random(3);
    const count = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: count }, () => random.uniform(low, high));
    const bytes = await readShared(file);
    const ort = onnxRuntime();
    const oracle = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
    const [name] = oracle.inputNames;
    const expected = await oracle.run({ [name]: new ort.Tensor("float32", data, shape) });
    await oracle.release();
    for (const backend of ["webgpu", "wasm"] as const) {
      const own = backend === "webgpu" ? { device: device() } : {};
      const session = await loadOnnx(bytes, { backend, ...own });
      const outputs = await session.run({ [name]: { data, shape } });
      session.dispose();
      assert.equal(Object.keys(outputs).sort(), Object.keys(expected).sort());
      for (const [output, { data: wanted }] of Object.entries(expected)) {
        const given = outputs[output].data;
        assert.is(given.length, wanted.length);
        const off = wanted.reduce((most, v, i) => {
          return Math.max(most, Math.abs(v - given[i]) / Math.max(1, Math.abs(v)));
        }, 0);
        assert.ok(off <= BOUND, `${output} is off by ${off} on ${backend}`);
      }
    }
  });
}

test.run();
