import {
  add,
  mulScalar,
  nn,
  relu,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";

const device = useDevice(test);

test("a loop that repeats itself gets the same buffers and makes no bind groups", async () => {
  const raw = device().gpuDevice;
  const create = raw.createBindGroup;
  let made = 0;
  raw.createBindGroup = (descriptor) => {
    made++;
    return create.call(raw, descriptor);
  };
  const layer = new nn.Conv2d(nn.Init.seeded(device(), 1), 3, 4, { kernelSize: 3 });
  const x = tensor(device(), new Float32Array(300).fill(1), [1, 10, 10, 3]);
  const counts: number[] = [];
  const results: number[] = [];
  for (let i = 0; i < 4; i++) {
    made = 0;
    const total = tidy(() => {
      const y: Tensor = relu(layer.forward(x));
      const loss = sum(add(mulScalar(y, 2), y));
      loss.backward();
      return loss.detach();
    });
    layer.weight.grad!.dispose();
    layer.bias!.grad!.dispose();
    layer.weight.grad = undefined;
    layer.bias!.grad = undefined;
    results.push(await total.item());
    total.dispose();
    counts.push(made);
  }
  raw.createBindGroup = create;
  assert.ok(counts[0] > 0);
  assert.equal(counts.slice(1), [0, 0, 0]);
  assert.equal(new Set(results).size, 1);
  device().trim();
  for (const part of [layer, x]) part.dispose();
});

test.run();
