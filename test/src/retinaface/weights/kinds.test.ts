/** Detectors from checkpoints whose tensors are of other kinds than usual: 16 bits, ZIP64, wrong shapes. */
import { type HostTensor, type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import { RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Storage, storage, tensorOf, zipFile } from "../../support/checkpoint-writer.js";
import { useDevice } from "../../support/gpu.js";
import { LENIENT, noiseImage, tinyState } from "../../support/tiny-detector.js";

const device = useDevice(test);
const image = noiseImage(48, 40);

async function facesOf(weights: Uint8Array) {
  const detector = await RetinaFace.load({ weights: new Uint8Array(weights), device: device() });
  const faces = await detector.detect(image, LENIENT);
  detector.dispose();
  return faces;
}

/** The upper halves of numbers: their bfloat16 towards zero. */
const upperHalves = (data: Float32Array) =>
  Uint16Array.from(
    new Uint32Array(data.buffer, data.byteOffset, data.length),
    (bits) => bits >> 16,
  );

/** What numbers are once only their upper halves are kept. */
const cut = (data: Float32Array) =>
  new Float32Array(Uint32Array.from(upperHalves(data), (half) => (half << 16) >>> 0).buffer);

/** A state with its numbers replaced; counts stay. */
function mapped(
  state: StateDict,
  change: (data: Float32Array) => HostTensor["data"],
  dtype: string,
) {
  const tensors = [...state].map(([name, tensor]): [string, HostTensor] => [
    name,
    tensor.dtype === "f32"
      ? ({ ...tensor, dtype, data: change(tensor.data as Float32Array) } as HostTensor)
      : tensor,
  ]);
  return new Map(tensors);
}

test("tensors of bfloat16 are the numbers that they stand for", async () => {
  const state = await tinyState(device());
  const faces = await facesOf(writeSafetensors(mapped(state, upperHalves, "bf16")));
  assert.ok(faces.length > 0);
  assert.equal(faces, await facesOf(writeSafetensors(mapped(state, cut, "f32"))));
});

test("a ZIP64 checkpoint of PyTorch's detects as its safetensors do, in bfloat16 too", async () => {
  const state = await tinyState(device());
  for (const [type, change] of [
    ["FloatStorage", (data: Float32Array) => data],
    ["BFloat16Storage", upperHalves],
  ] as const) {
    const storages: Storage[] = [];
    const dict: [string, ReturnType<typeof tensorOf>][] = [];
    const numbers = [...state].filter(([, { dtype }]) => dtype === "f32");
    for (const [i, [name, { data, shape }]] of numbers.entries()) {
      const item = storage(String(i), type, change(data as Float32Array));
      storages.push(item);
      dict.push([name, tensorOf({ storage: item, shape })]);
    }
    const faces = await facesOf(zipFile({ dict }, storages, { zip64: true }));
    const same = type === "FloatStorage" ? state : mapped(state, cut, "f32");
    assert.equal(faces, await facesOf(writeSafetensors(same)), type);
  }
});

test("shapes that fit no network are refused with a code and their names", async () => {
  const spoil: [what: string, (state: StateDict, name: string, tensor: HostTensor) => void][] = [
    ["flat", (state, name, t) => state.set(name, { ...t, shape: [t.data.length] } as HostTensor)],
    ["turned", (state, name, t) => state.set(name, { ...t, shape: [...t.shape].reverse() })],
    ["empty", (state, name, t) => state.set(name, none(t, [0, ...t.shape.slice(1)]))],
    ["a scalar", (state, name, t) => state.set(name, none(t, [], 1))],
    ["gone", (state, name) => state.delete(name)],
  ];
  for (const part of [
    "body.stage1.0.0.weight",
    "ClassHead.0.conv1x1.weight",
    "fpn.merge1.0.weight",
  ])
    for (const [what, change] of spoil) {
      const state = await tinyState(device());
      const tensor = state.get(part);
      assert.ok(tensor, part);
      change(state, part, tensor);
      const error = await facesOf(writeSafetensors(state)).catch((caught) => caught);
      assert.match(
        String(error.code),
        /^(CHECKPOINT_UNKNOWN|STATE_DICT_MISMATCH)$/,
        `${part} ${what}: ${error.stack}`,
      );
    }
});

test("a small file that speaks of a huge network takes no memory", async () => {
  const wide = (name: string, outputs: number, inputs: number, size: number) =>
    [name, [outputs, inputs, size, size]] as const;
  for (const [name, shape] of [
    wide("body.stage1.0.0.weight", 2 ** 28, 0, 3),
    wide("body.stage1.0.0.weight", 20_000, 1, 1),
    wide("fpn.output1.0.weight", 2 ** 28, 0, 1),
    wide("fpn.output1.0.weight", 20_000, 1, 1),
    wide("BboxHead.0.conv1x1.weight", 2 ** 28, 0, 1),
    wide("BboxHead.0.conv1x1.weight", 80_000, 1, 1),
  ]) {
    const state = await tinyState(device());
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    state.set(name, { dtype: "f32", shape: [...shape], data });
    const error = await facesOf(writeSafetensors(state)).catch((caught) => caught);
    assert.is(error.code, "CHECKPOINT_UNKNOWN", `${name} [${shape}]: ${error.stack}`);
  }
});

function none(tensor: HostTensor, shape: number[], count = 0): HostTensor {
  return { ...tensor, shape, data: new Float32Array(count) } as HostTensor;
}

test.run();
