import { compileStep, type Device, nn, optim, type Tensor, tidy } from "@retinaface-webgpu/tensor";

/** Numbers that a loss is taken of. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Gradients by a compiled step: an SGD of rate 1 takes them away. */
export async function stepGradients(
  device: Device,
  values: readonly Values[],
  loss: (...parameters: Tensor[]) => Tensor,
): Promise<Float32Array[]> {
  const parameters = values.map(({ shape, data }) => nn.Parameter.from(device, data, shape));
  // What momentum keeps of a first step is the gradient, to the bit.
  const optimizer = new optim.SGD(parameters, { lr: 1e-3, momentum: 0.5 });
  const step = await compileStep(device, {
    inputs: {},
    losses: () => ({ total: loss(...parameters) }),
    optimizer,
  });
  step.run();
  await step.read();
  const { tensors } = await optimizer.stateDict();
  const gradients = parameters.map((_, i) => {
    const velocity = tensors.get(`${i}.velocity`)!;
    return Float32Array.from(velocity.data as Float32Array);
  });
  step.dispose();
  optimizer.dispose();
  for (const parameter of parameters) parameter.dispose();
  return gradients;
}

/** Gradients by the tape, on WebGPU. */
export async function eagerGradients(
  device: Device,
  values: readonly Values[],
  loss: (...parameters: Tensor[]) => Tensor,
): Promise<Float32Array[]> {
  const parameters = values.map(({ shape, data }) => nn.Parameter.from(device, data, shape));
  tidy(() => loss(...parameters)).backward();
  const gradients: Float32Array[] = [];
  for (const parameter of parameters) {
    gradients.push((await parameter.grad!.data()) as Float32Array);
    parameter.grad?.dispose();
    parameter.dispose();
  }
  return gradients;
}
