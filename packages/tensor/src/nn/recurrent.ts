/**
 * Recurrent networks with PyTorch's parameters and layouts. Inputs of all steps are multiplied at once, hidden states step
 * by step, and a step is made of the library's elementwise operations: they have their gradient, compile, and run on both
 * engines. A kernel of a whole step would need a dispatch where these need about a dozen; a plan or a compiled step
 * takes the cost of recording them away.
 */
import { describe, requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError, TensorError } from "../core/errors.js";
import { sameShape, showShape } from "../core/shape.js";
import { type Tensor, zeros } from "../core/tensor.js";
import { stack } from "../ops/arrange.js";
import { add, mul, sub } from "../ops/binary/forward.js";
import { matmul } from "../ops/matmul/forward.js";
import { concat, narrow, reshape, split, transpose } from "../ops/movement/forward.js";
import { sigmoid, tanh } from "../ops/unary/forward.js";
import { Dropout } from "./dropout.js";
import type { Init } from "./init.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** Options of `LSTM` and `GRU`; the defaults are PyTorch's. */
export interface RecurrentOptions {
  /** Layers, each of which reads the one before; 1 by default. */
  readonly numLayers?: number | undefined;
  /** Whether there are biases; true by default. */
  readonly bias?: boolean | undefined;
  /** Whether sequences are [N, length, features] and not [length, N, features]; false by default. */
  readonly batchFirst?: boolean | undefined;
  /** Whether a second network reads each sequence backwards; false by default. */
  readonly bidirectional?: boolean | undefined;
  /** Probability of dropout between layers while training; 0 by default. */
  readonly dropout?: number | undefined;
}

/** States of all layers: [layers · directions, N, hidden]. */
export interface RecurrentState {
  readonly hidden: Tensor;
}

/** With the cells of an LSTM, of the same shape. */
export interface LstmState extends RecurrentState {
  readonly cell: Tensor;
}

/** Parameters of one layer in one direction. */
interface Weights {
  readonly input: Parameter;
  readonly hidden: Parameter;
  readonly inputBias: Parameter | undefined;
  readonly hiddenBias: Parameter | undefined;
}

const DEFAULTS = { numLayers: 1, bias: true, batchFirst: false, bidirectional: false, dropout: 0 };

/** What `LSTM` and `GRU` share: layers, directions and the walk along a sequence. */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly bidirectional: boolean;
  readonly dropout: Dropout;

  /** @param gates rows of the weights, in hidden sizes */
  constructor(init: Init, sizes: readonly number[], gates: number, options: RecurrentOptions) {
    super();
    const name = new.target.name;
    requireOptions(name, options, Object.keys(DEFAULTS));
    const { numLayers, bias, batchFirst, bidirectional, dropout } = { ...DEFAULTS, ...options };
    const [inputSize, hiddenSize] = sizes;
    requireIntegers(`${name}'s sizes and layers`, [inputSize, hiddenSize, numLayers], 1);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.batchFirst = batchFirst;
    this.bidirectional = bidirectional;
    this.dropout = new Dropout(dropout);
    const rows = gates * hiddenSize;
    const members = this as unknown as Record<string, Parameter>;
    for (const [layer, suffix] of this.#parts()) {
      const columns = layer === 0 ? inputSize : hiddenSize * this.#directions;
      members[`weight_ih_${suffix}`] = init.uniformByFanIn([rows, columns], hiddenSize);
      members[`weight_hh_${suffix}`] = init.uniformByFanIn([rows, hiddenSize], hiddenSize);
      if (!bias) continue;
      members[`bias_ih_${suffix}`] = init.uniformByFanIn([rows], hiddenSize);
      members[`bias_hh_${suffix}`] = init.uniformByFanIn([rows], hiddenSize);
    }
  }

  get #directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  /** Layers and directions in PyTorch's order, with the endings of their parameters' names. */
  *#parts(): Generator<[layer: number, suffix: string]> {
    for (let layer = 0; layer < this.numLayers; layer++) {
      yield [layer, `l${layer}`];
      if (this.bidirectional) yield [layer, `l${layer}_reverse`];
    }
  }

  #weights(suffix: string): Weights {
    const members = this as unknown as Record<string, Parameter>;
    return {
      input: members[`weight_ih_${suffix}`],
      hidden: members[`weight_hh_${suffix}`],
      inputBias: members[`bias_ih_${suffix}`],
      hiddenBias: members[`bias_hh_${suffix}`],
    };
  }

  /**
   * One step of one layer.
   *
   * @param input its part of the gates, with the bias, [N, gates · hidden]
   * @param states [N, hidden], the hidden one first
   */
  protected abstract step(
    input: Tensor,
    states: readonly Tensor[],
    weights: Weights,
  ): readonly Tensor[];

  /** The sequence of the last layer and the last states of all. */
  protected run(x: Tensor, initial: readonly (Tensor | undefined)[]): [Tensor, Tensor[]] {
    const name = this.constructor.name;
    if (x.rank !== 3 || x.shape[2] !== this.inputSize || x.shape[this.batchFirst ? 1 : 0] === 0) {
      const wanted = this.batchFirst ? "N, length" : "length, N";
      throw new ShapeError(
        `${name} takes [${wanted}, ${this.inputSize}] of at least one step, not ${showShape(x.shape)}`,
      );
    }
    const sequence = this.batchFirst ? transpose(x, 0, 1) : x;
    const starts = initial.map((state) => this.#initial(state, sequence));
    const ends: (readonly Tensor[])[] = [];
    let layerInput = sequence;
    let outputs: Tensor[] = [];
    for (const [i, [layer, suffix]] of [...this.#parts()].entries()) {
      const before = starts.map((state) => reshape(narrow(state, 0, i, 1), state.shape.slice(1)));
      const backwards = suffix.endsWith("_reverse");
      const { hidden, last } = this.#walk(layerInput, before, this.#weights(suffix), backwards);
      ends.push(last);
      outputs.push(hidden);
      if (outputs.length < this.#directions) continue;
      layerInput = outputs.length > 1 ? concat(outputs, -1) : outputs[0];
      outputs = [];
      if (layer < this.numLayers - 1) layerInput = this.dropout.forward(layerInput);
    }
    const output = this.batchFirst ? transpose(layerInput, 0, 1) : layerInput;
    return [output, initial.map((_, k) => stack(ends.map((states) => states[k])))];
  }

  /** States at the start: zeros where none are given. */
  #initial(state: Tensor | undefined, sequence: Tensor): Tensor {
    const shape = [this.numLayers * this.#directions, sequence.shape[1], this.hiddenSize];
    if (!state) return zeros(sequence.device, shape);
    if (sameShape(state.shape, shape)) return state;
    throw new ShapeError(
      `${this.constructor.name}: a state ${showShape(state.shape)} for ${showShape(sequence.shape)}; it must be ${showShape(shape)}`,
    );
  }

  #walk(x: Tensor, start: readonly Tensor[], weights: Weights, backwards: boolean) {
    const [length, batch, features] = x.shape;
    const flat = matmul(reshape(x, [-1, features]), weights.input, { transposeB: true });
    const shifted = weights.inputBias ? add(flat, weights.inputBias) : flat;
    const inputs = split(shifted, batch, 0);
    const hidden: Tensor[] = new Array(length);
    let states = start;
    for (let t = 0; t < length; t++) {
      const at = backwards ? length - 1 - t : t;
      states = this.step(inputs[at], states, weights);
      hidden[at] = states[0];
    }
    return { hidden: stack(hidden), last: states };
  }
}

/** The hidden state's part of the gates, with its bias. */
function recurrentPart(hidden: Tensor, weights: Weights): Tensor {
  const y = matmul(hidden, weights.hidden, { transposeB: true });
  return weights.hiddenBias ? add(y, weights.hiddenBias) : y;
}

/** @throws TensorError `ARGUMENT` unless it is an object of tensors by these names, or absent */
function requireState(name: string, state: object, names: readonly string[]): void {
  requireOptions(`${name}'s state`, state, names);
  if (Object.keys(state).length === 0 || names.every((key) => key in state)) return;
  throw new TensorError(
    "ARGUMENT",
    `${name} takes a state of ${names.join(" and ")}, not ${describe(state)}.`,
  );
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997), as PyTorch's: i, f, g, o = σ, σ, tanh, σ of W x + b + U h + c;
 * cell = f · cell + i · g; hidden = o · tanh(cell).
 */
export class LSTM extends Recurrent {
  constructor(init: Init, inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(init, [inputSize, hiddenSize], 4, options);
  }

  /** @param x [length, N, inputSize] @returns output [length, N, directions · hidden], and the last states */
  override forward(x: Tensor, state: Partial<LstmState> = {}): LstmState & { output: Tensor } {
    requireState("LSTM", state, ["hidden", "cell"]);
    const [output, [hidden, cell]] = this.run(x, [state.hidden, state.cell]);
    return { output, hidden, cell };
  }

  protected override step(
    input: Tensor,
    [hidden, cell]: readonly Tensor[],
    weights: Weights,
  ): readonly Tensor[] {
    const gates = split(add(input, recurrentPart(hidden, weights)), this.hiddenSize, -1);
    const [take, forget, output] = [gates[0], gates[1], gates[3]].map(sigmoid);
    const next = add(mul(forget, cell), mul(take, tanh(gates[2])));
    return [mul(output, tanh(next)), next];
  }
}

/**
 * Gated recurrent unit (Cho et al. 2014), as PyTorch's: r, z = σ of W x + b + U h + c; n = tanh(W x + b + r · (U h + c));
 * hidden = (1 − z) · n + z · hidden.
 */
export class GRU extends Recurrent {
  constructor(init: Init, inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(init, [inputSize, hiddenSize], 3, options);
  }

  /** @param x [length, N, inputSize] @returns output [length, N, directions · hidden], and the last states */
  override forward(
    x: Tensor,
    state: Partial<RecurrentState> = {},
  ): RecurrentState & { output: Tensor } {
    requireState("GRU", state, ["hidden"]);
    const [output, [hidden]] = this.run(x, [state.hidden]);
    return { output, hidden };
  }

  protected override step(
    input: Tensor,
    [hidden]: readonly Tensor[],
    weights: Weights,
  ): readonly Tensor[] {
    const size = this.hiddenSize;
    const own = recurrentPart(hidden, weights);
    const gates = sigmoid(add(narrow(input, -1, 0, 2 * size), narrow(own, -1, 0, 2 * size)));
    const [reset, update] = split(gates, size, -1);
    const [fromInput, fromHidden] = [input, own].map((part) => narrow(part, -1, 2 * size, size));
    const candidate = tanh(add(fromInput, mul(reset, fromHidden)));
    return [add(candidate, mul(update, sub(hidden, candidate)))];
  }
}
