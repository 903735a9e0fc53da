import {
  compileStep,
  conv2d,
  type Device,
  mean,
  nn,
  optim,
  relu,
  square,
  sub,
  tensor,
} from "@retinaface-webgpu/tensor";
import type { Runner } from "./serve.js";
import { firstSteps, headTraining } from "./tasks.js";

/** The two-layer head's training as a compiled step, on a graphics device or on processors. */
export async function headRunner(device: Device): Promise<Runner> {
  const { side, learningRate, ...data } = headTraining();
  const x = tensor(device, data.x, [1, side, side, 64]);
  const target = tensor(device, data.target, [1, side, side, 16]);
  const parameter = (values: Float32Array, shape: readonly number[]) =>
    nn.Parameter.from(device, values, shape);
  const w1 = parameter(data.weight1, [64, 64, 3, 3]);
  const b1 = parameter(data.bias1, [64]);
  const w2 = parameter(data.weight2, [16, 64, 1, 1]);
  const b2 = parameter(data.bias2, [16]);
  const parameters = [w1, b1, w2, b2];
  const optimizer = new optim.SGD(parameters, { lr: learningRate });
  const step = await compileStep(device, {
    inputs: {},
    losses: () => {
      const y = conv2d(relu(conv2d(x, w1, b1, { padding: 1 })), w2, b2);
      return { total: mean(square(sub(y, target))) };
    },
    optimizer,
  });
  const run = async () => {
    step.run();
    return [Float32Array.of((await step.read()).total)];
  };
  return {
    run,
    check: () => firstSteps(run),
    release: () => {
      for (const one of [step, optimizer, x, target, ...parameters]) one.dispose();
    },
  };
}
