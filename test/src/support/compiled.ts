import { compile, type Device, type Tensor, tidy } from "@retinaface-webgpu/tensor";
import { assertClose } from "./close.js";

/** Checks that a compiled plan gives what the operation gives eagerly. */
export async function checkCompiled(
  device: Device,
  what: string,
  op: (...x: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): Promise<void> {
  const eager = tidy(() => op(...inputs));
  const plan = await compile(device, (...x) => [op(...x)], inputs);
  try {
    for (const [k, input] of inputs.entries()) plan.inputs[k].write(await input.data());
    plan.run();
    const [y] = plan.outputs;
    assertClose(await y.tensor.data(), await eager.data(), { rtol: 1e-6, atol: 1e-6, what });
  } finally {
    plan.dispose();
    eager.dispose();
  }
}
