/**
 * Compiles a training step: traces forward, losses and backward, then clipping, optimizer and average, into one
 * graph (`graph.ts`), and lowers that to dispatches (`webgpu-step.ts`) or to kernels for processors. The gradients come from
 * the tape and the table of gradients as in eager mode; while tracing, operations are recorded instead of run.
 */
import { keep } from "../../core/scope.js";
import { empty, type Tensor, type TensorInfo } from "../../core/tensor.js";
import type { Device } from "../../device/device.js";
import type { Trace } from "../../ops/trace.js";
import type { EMA, GradScaler, GroupOptions, Optimizer } from "../../optim/index.js";
import { Owned } from "../owned.js";
import { CompiledStep } from "./compiled-step.js";
import { fuseSums } from "./fuse.js";
import { dropDeadNodes, GraphBuilder, type StepGraph } from "./graph.js";
import { loweringOf } from "./lowerings.js";
import { placeGradients, placeLosses } from "./placement.js";
import { traceGradients } from "./trace.js";
import { type BatchShare, traceBatch, traceUpdate } from "./update.js";
import { lowerToWebGpu } from "./webgpu-step.js";

/** What a step computes and how it updates. */
export interface StepDefinition<I extends Readonly<Record<string, TensorInfo>>> {
  /** Shape and element type of what changes from step to step. */
  readonly inputs: I;
  /**
   * Named losses of these inputs, one element each; the gradients are those of `total`. It is called once, to be
   * traced: it must not read values back, and what it makes of host values is the same at every step, so that
   * whatever changes has to be an input. Tensors that it uses from outside are read at each run, as they are then.
   */
  readonly losses: (inputs: { readonly [N in keyof I]: Tensor }) => Readonly<
    Record<string, Tensor>
  > & {
    readonly total: Tensor;
  };
  /** Updates the parameters; learning rates and decays are read at each run. */
  readonly optimizer: Optimizer<GroupOptions>;
  /** Largest norm of all gradients together; absent: no clipping. */
  readonly clip?: number;
  /** Follows the parameters. */
  readonly average?: EMA;
  /** Scales the loss, for gradients stored as f16; see `CompiledStep.runScaled`. */
  readonly scaler?: GradScaler | undefined;
  /** Whether a step may take several batches; see `CompiledStep.run`. */
  readonly accumulate?: boolean;
}

/**
 * Prepares a training step for inputs of fixed shapes: recorded once, replayed by `run()`. Parameters, optimizer and
 * average are the same objects as in eager mode, hold the same state, and may be used so between runs.
 *
 * Modules are traced in the mode they are in. Compile again after freezing, thawing, `train()` or `eval()`.
 *
 * @throws TensorError `STEP` where the losses are not what they must be, `TRACED` where `losses` reads values,
 * `NO_GRAPH` where they depend on no parameter; GpuOutOfMemoryError where a buffer exceeds the adapter's limits
 */
export async function compileStep<const I extends Readonly<Record<string, TensorInfo>>>(
  device: Device,
  definition: StepDefinition<I>,
): Promise<CompiledStep<keyof I & string>> {
  const owned = new Owned();
  try {
    return await assemble(device, definition, owned);
  } catch (error) {
    owned.release();
    throw error;
  }
}

async function assemble<I extends Readonly<Record<string, TensorInfo>>>(
  device: Device,
  definition: StepDefinition<I>,
  owned: Owned,
): Promise<CompiledStep<keyof I & string>> {
  const { optimizer, average, clip, accumulate = false, scaler } = definition;
  const own = (tensor: Tensor): Tensor => {
    owned.add(() => tensor.dispose());
    return keep(tensor);
  };
  const lossesOf = definition.losses as Parameters<typeof traceGradients>[2];
  const traced = traceGradients(device, definition.inputs, lossesOf, optimizer, scaler?.seed);
  owned.add(() => traced.trace.release());
  const flats = optimizer.flatten([...traced.gradients.keys()]);
  const averaged = average?.flatten(flats, tensorsUpdated(traced.trace));
  const builder = new GraphBuilder();
  const inputs: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(traced.inputs)) {
    inputs[name] = own(empty(device, tensor.shape, { dtype: tensor.dtype }));
    builder.place(tensor, inputs[name]);
  }
  const gradient = builder.nodes(traced.trace);
  const targets = flats.map((flat) => (accumulate ? flat.partial() : flat.gradients));
  gradient.push(...placeGradients(builder, traced.gradients, flats, targets, own));
  const losses = placeLosses(builder, traced.losses, gradient, own);
  const share: BatchShare = { share: 1, fresh: true };
  const added = traceBatch({ flats, targets, batch: share, scaler });
  gradient.push(...builder.nodes(added.trace));
  const { squares } = added.squares
    ? placeLosses(builder, { squares: added.squares }, gradient, own)
    : {};
  const { trace, norm } = traceUpdate({ flats, average: averaged, clip });
  const update = builder.nodes(trace);
  const named = norm ? placeLosses(builder, { norm }, update, own) : {};
  const graph: StepGraph = { gradient, update };
  const traces = [traced.trace, added.trace, trace];
  builder.settle(traces, own);
  for (const each of traces) each.release();
  dropDeadNodes(graph.update);
  dropDeadNodes(graph.gradient);
  fuseSums(graph.gradient);
  const lowered = await (loweringOf(device) ?? lowerToWebGpu)(device, graph, owned);
  return new CompiledStep({
    device,
    inputs,
    losses,
    gradientNorm: named.norm,
    scaling: scaler && { scaler, squares: squares! },
    lowered,
    accumulates: accumulate,
    onBatch: ({ batch, of }) => {
      share.share = 1 / of;
      share.fresh = batch === 0;
      for (const effect of traced.trace.effects) effect();
    },
    onUpdate: () => {
      for (const flat of flats) flat.advance();
      averaged?.advance();
    },
    isCurrent: () =>
      flats.every((flat) => flat.isCurrent()) &&
      (averaged?.isCurrent() ?? true) &&
      builder.isCurrent(),
    release: () => owned.release(),
  });
}

/** The tensors from outside that a trace writes in place. */
function tensorsUpdated({ nodes }: Trace): Set<Tensor> {
  return new Set(
    nodes.flatMap(({ op, inputs }) => (op.updates ?? []).flatMap((k) => inputs[k] ?? [])),
  );
}
