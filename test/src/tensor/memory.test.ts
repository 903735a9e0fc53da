/** What a device tells of its memory, and the warning about loops that give none of it back. */
import {
  Device,
  matmul,
  mul,
  nn,
  noGrad,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rounds } from "../support/rounds.js";

/** What `fn` warns of. */
async function warnings(fn: () => Promise<void>): Promise<string[]> {
  const heard: string[] = [];
  const { warn } = console;
  console.warn = (message: string) => heard.push(message);
  try {
    await fn();
  } finally {
    console.warn = warn;
  }
  return heard;
}

test("memory() names what made the live tensors, those that hold most first", async () => {
  const device = await Device.create();
  const linear = new nn.Linear(nn.Init.seeded(device, 1), 64, 64, { bias: false });
  const x = tensor(device, new Float32Array(300 * 64), [300, 64]);
  const [total, ...products] = noGrad(() => {
    const made = [1, 2].map(() => matmul(x, linear.weight));
    return [sum(made[0]), ...made];
  });
  const named = () => device.memory().largest.map(({ madeBy, buffers }) => [madeBy, buffers]);
  assert.equal(named(), [
    ["matmul", 2],
    ["tensor()", 1],
    ["parameter", 1],
    ["sum", 1],
  ]);
  const { largest, liveBytes, liveBuffers } = device.memory();
  assert.is(
    largest.reduce((n, { bytes }) => n + bytes, 0),
    liveBytes,
  );
  assert.is(
    largest.reduce((n, { buffers }) => n + buffers, 0),
    liveBuffers,
  );
  products[0].dispose();
  x.dispose();
  assert.equal(named(), [
    ["matmul", 1],
    ["parameter", 1],
    ["sum", 1],
  ]);
  total.dispose();
  device.destroy();
});

/** Of a loop: ten looks at the memory, in a browser two. */
const STEPS = rounds(1000);

test("a loop that gives nothing back is warned of once, with what it makes", async () => {
  const device = await Device.create();
  const x = tensor(device, [1, 2], [2], { requiresGrad: true });
  const held: Tensor[] = [];
  const heard = await warnings(async () => {
    for (let step = 0; step < STEPS; step++) {
      const y = mul(x, x);
      const loss = sum(y);
      held.push(y, loss);
      loss.backward();
    }
    await device.sync();
  });
  assert.is(heard.length, 1, heard.join("\n"));
  assert.match(heard[0], /^Live tensors grew by \d+ in the last 100 backward passes, to \d+ MB/);
  assert.match(heard[0], /made by \w+ \(\+1\d\d\), .*put each step into tidy\(\)/);
  device.destroy();
});

test("a loop in scopes holds the same after hundreds of steps, without a warning", async () => {
  const device = await Device.create();
  const x = tensor(device, [1, 2], [2], { requiresGrad: true });
  const held: number[] = [];
  const heard = await warnings(async () => {
    for (let step = 0; step < STEPS; step++) {
      tidy(() => sum(mul(x, x)).backward());
      held.push(device.memory().liveBuffers);
    }
    await device.sync();
  });
  assert.equal(heard, []);
  assert.is(held[STEPS - 1], held[1]);
  assert.is(Math.max(...held.slice(1)), held[1]);
  device.destroy();
});

test.run();
