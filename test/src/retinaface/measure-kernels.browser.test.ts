/** What `measureKernels` finds is kept in IndexedDB. */
import { convolutionSpecs, nn, type Tensor } from "@retinaface-webgpu/tensor";
import { measureKernels } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelStore } from "../../../packages/retinaface/dist/tune/store.browser.js";
import { useDevice } from "../support/gpu.js";

const device = useDevice(test);

test("IndexedDB keeps a text for the next page", async () => {
  const store = kernelStore();
  assert.is(await store.read(), undefined);
  for (const text of ["{}", '{"a":1}']) {
    await store.write(text);
    assert.is(await kernelStore().read(), text);
  }
});

test("what is measured is read again; what is damaged, or no text at all, is measured anew", async () => {
  const module = new nn.Conv2d(nn.Init.seeded(device(), 1), 4, 4, { kernelSize: 1 });
  const forward = (x: Tensor) => [module.forward(x)];
  const inputs = [{ shape: [1, 3, 3, 4], dtype: "f32" as const }];
  const [spec] = convolutionSpecs(device(), forward, inputs);
  const store = kernelStore();
  for (const damaged of ["{damaged", 7 as unknown as string]) {
    await store.write(damaged);
    const measured: number[] = [];
    const tune = measureKernels({ onMeasure: (convolutions) => measured.push(convolutions) });
    for (let i = 0; i < 2; i++) {
      const tuner = await tune(device());
      await tuner.measure(forward, inputs, "f32");
      assert.type(tuner.choose(spec), "string");
    }
    assert.equal(measured, [1]);
  }
  module.dispose();
});

test("a page without IndexedDB gets a reason", async () => {
  const { open } = IDBFactory.prototype;
  IDBFactory.prototype.open = () => {
    throw new DOMException("denied", "SecurityError");
  };
  try {
    const store = kernelStore();
    for (const attempt of [store.read(), store.write("{}")]) {
      assert.match(await attempt.then(String, String), /denied/);
    }
  } finally {
    IDBFactory.prototype.open = open;
  }
});

test.run();
