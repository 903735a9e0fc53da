/** What `measureKernels` keeps in a store, whatever the store does. */
import { convolutionSpecs, nn, type Tensor, type TunerStore } from "@retinaface-webgpu/tensor";
import { type MeasureOptions, measureKernels } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { memoryStore } from "../support/memory-store.js";

const device = useDevice(test);

/** A store in memory, and how many convolutions were measured for it. */
function memory(text?: string) {
  const measured: number[] = [];
  return {
    store: memoryStore(text),
    measured,
    onMeasure: (count: number) => void measured.push(count),
  };
}

/** Measures a network of two convolutions; the variants chosen for them. */
async function measureTwo(options: MeasureOptions): Promise<(string | undefined)[]> {
  const init = nn.Init.seeded(device(), 1);
  const layers = [8, 4].map((n) => new nn.Conv2d(init, 12 - n, n, { kernelSize: 1 }));
  const forward = (x: Tensor) => [layers[1].forward(layers[0].forward(x))];
  const inputs = [{ shape: [1, 5, 3, 4], dtype: "f32" as const }];
  const tuner = await measureKernels(options)(device());
  await tuner.measure(forward, inputs, "f32");
  const specs = convolutionSpecs(device(), forward, inputs);
  for (const layer of layers) layer.dispose();
  return specs.map(tuner.choose);
}

test("a store that fails costs one warning and no choice", async () => {
  const failing: TunerStore = {
    read: () => Promise.reject(new Error("unreadable")),
    write: () => Promise.reject(new Error("the disk is full")),
  };
  const { warn } = console;
  const warnings: string[] = [];
  console.warn = (text) => warnings.push(text);
  try {
    for (const variant of await measureTwo({ store: failing })) assert.type(variant, "string");
  } finally {
    console.warn = warn;
  }
  assert.equal(warnings, ["What was measured is not kept: the disk is full"]);
});

test("a damaged store is measured anew, written whole and read the next time", async () => {
  const { store, measured, onMeasure } = memory("{damaged");
  const first = await measureTwo({ store, onMeasure });
  assert.equal(await measureTwo({ store, onMeasure }), first);
  assert.equal(measured, [2]);
  assert.is(Object.keys(JSON.parse(store.text ?? "")).length, 1);
});

test.run();
