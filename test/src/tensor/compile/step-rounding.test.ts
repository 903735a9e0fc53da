/** How far apart compiled and eager training run, beside eager training by other kernels. */
import { compileStep, Device, optim, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../../support/gpu.js";
import { rounds } from "../../support/rounds.js";
import {
  SmallDetector,
  smallBatch,
  smallInputs,
  smallLosses,
  uploadSmall,
} from "../../support/step-network.js";

const device = useDevice(test);

const STEPS = rounds(50);
const COUNT = 3;

/** Losses of a row of steps. */
async function train(on: Device, compiled: boolean): Promise<number[]> {
  const network = new SmallDetector(on, 5);
  const optimizer = new optim.SGD(network.parameters(), { lr: 0.01, momentum: 0.9 });
  const losses = smallLosses(network);
  const step = compiled
    ? await compileStep(on, { inputs: smallInputs(COUNT), losses, optimizer })
    : undefined;
  const seen: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const batch = smallBatch(i % 5, COUNT);
    if (step) {
      for (const name of ["image", "labels", "boxes"] as const)
        step.inputs[name].write(batch[name]);
      step.run();
      seen.push((await step.read()).total);
      continue;
    }
    const inputs = uploadSmall(on, batch, COUNT);
    const total = tidy(() => {
      const named = losses(inputs);
      named.total.backward();
      return named.total;
    });
    optimizer.step();
    optimizer.zeroGrad();
    seen.push(await total.item());
    for (const each of [total, ...Object.values(inputs)]) each.dispose();
  }
  for (const each of [step, optimizer, network]) each?.dispose();
  return seen;
}

test("fifty compiled steps differ from eager ones no more than eager ones by other kernels do", async () => {
  const plain = await Device.create({ features: [], limits: "default" });
  const eager = await train(device(), false);
  const compiled = await train(device(), true);
  const other = await train(plain, false);
  plain.destroy();
  const apart = (losses: readonly number[]) =>
    Math.max(...eager.map((loss, i) => Math.abs(losses[i] / loss - 1)));
  // Rounding grows in all of them, but not equally; where both devices have the same kernels nothing differs.
  assert.ok(
    apart(compiled) <= 2 * apart(other) + 1e-5,
    `compiled ${apart(compiled)}, other kernels ${apart(other)}`,
  );
  assert.ok(eager[STEPS - 5] < eager[0], `it learns: ${eager[0]}, then ${eager[STEPS - 5]}`);
});

test.run();
