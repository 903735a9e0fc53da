import { TensorError } from "../../core/errors.js";
import { tidy } from "../../core/scope.js";
import { showShape } from "../../core/shape.js";
import { Tensor, type TensorInfo } from "../../core/tensor.js";
import type { Device } from "../../device/device.js";
import type { Parameter } from "../../nn/parameter.js";
import { reshape } from "../../ops/movement/forward.js";
import { recordTrace, type Trace } from "../../ops/trace.js";
import type { GroupOptions, Optimizer } from "../../optim/index.js";

/** Forward, losses and backward of one batch. */
export interface TracedGradients {
  readonly trace: Trace;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly losses: Readonly<Record<string, Tensor>>;
  /** The gradient of every parameter that has one. */
  readonly gradients: ReadonlyMap<Parameter, Tensor>;
}

type Losses = (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;

/**
 * Traces the losses of inputs and their gradients, from `seed` on where that is not 1; what the parameters held in `grad` is there again
 * afterwards.
 */
export function traceGradients(
  device: Device,
  infos: Readonly<Record<string, TensorInfo>>,
  losses: Losses,
  optimizer: Optimizer<GroupOptions>,
  seed?: Tensor,
): TracedGradients {
  const parameters = optimizer.groups.flatMap((group) => group.parameters);
  const before = parameters.map(({ grad }) => grad);
  for (const parameter of parameters) parameter.grad = undefined;
  const entries = Object.entries(infos);
  let trace: Trace | undefined;
  try {
    return tidy(() => {
      const inputs = Object.fromEntries(
        entries.map(([name, info]) => [name, new Tensor(device, info, { info })]),
      );
      const traced = recordTrace((recording) => {
        trace = recording;
        const named = losses(inputs);
        check(named);
        named.total.backward(seed && reshape(seed, named.total.shape));
        return named;
      });
      const gradients = new Map<Parameter, Tensor>();
      for (const parameter of parameters) {
        if (parameter.grad && parameter.requiresGrad) gradients.set(parameter, parameter.grad);
      }
      return { trace: traced.trace, inputs, losses: traced.result, gradients };
    });
  } catch (error) {
    trace?.release();
    throw error;
  } finally {
    for (const tensor of trace?.held.keys() ?? []) if (tensor.grad?.traced) tensor.grad = undefined;
    for (const [i, parameter] of parameters.entries()) parameter.grad = before[i];
  }
}

function check(losses: Readonly<Record<string, Tensor>>): void {
  if (losses instanceof Promise) {
    throw new TensorError(
      "STEP",
      "compileStep: losses() returned a promise; it must be synchronous. Await what it needs before compiling.",
    );
  }
  for (const [name, loss] of Object.entries(losses ?? {})) {
    if (loss instanceof Tensor && loss.size === 1 && loss.dtype === "f32") continue;
    const found =
      loss instanceof Tensor ? `a tensor ${showShape(loss.shape)} ${loss.dtype}` : typeof loss;
    throw new TensorError(
      "STEP",
      `compileStep: the loss "${name}" is ${found}; give one f32 element, for instance by sum() or mean().`,
    );
  }
  if (!losses?.total) {
    throw new TensorError(
      "STEP",
      'compileStep: losses() must return a loss named "total": the one to minimise.',
    );
  }
}
