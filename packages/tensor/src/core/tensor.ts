import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { requireList, requireOptions } from "./arguments.js";
import { bytesPerElement, DTYPES, type DType, type DTypeArrays, typedArray } from "./dtype.js";
import { DisposedError, ShapeError, TensorError } from "./errors.js";
import { decodeHalf } from "./float16.js";
import { registerInScope } from "./scope.js";
import { assertShape, type Shape, sameShape, showShape, sizeOf } from "./shape.js";
import { Storage } from "./storage.js";
import type { Saved, SavedMemory, TapeNode, Target } from "./tape.js";
import { flatten, type NestedNumbers, toTyped } from "./values.js";

/** What a tensor holds: its memory, and the operation that made it while gradients are recorded. */
class Hold {
  /** None while a module is traced. */
  storage: Storage | undefined;
  node: TapeNode<Tensor> | undefined;

  constructor(storage?: Storage) {
    this.storage = storage;
    storage?.retain();
  }

  release(): void {
    this.node?.release();
    this.storage?.release();
  }
}

// A tensor dropped without dispose() gives its memory back when it is collected.
const dropped = new FinalizationRegistry<Hold>((hold) => hold.release());

/** What makes up a tensor besides its elements. */
export interface TensorInfo {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value of a traced graph: what a tensor stands for that has no memory yet. */
export interface TraceValue {
  readonly info: TensorInfo;
}

/** Options of `Tensor.backward`. */
export interface BackwardOptions {
  /** Keep what the gradients needed, for another `backward()` through the same operations; default false. */
  readonly retainGraph?: boolean | undefined;
}

type Backward = (root: Tensor, gradient: Tensor | undefined, options: BackwardOptions) => void;

let runBackward: Backward = () => {
  throw new TensorError(
    "TRAINING_NOT_LOADED",
    'backward(): import "@retinaface-webgpu/tensor", of which ".../inference" is the part without gradients.',
  );
};

/** Gives `Tensor.backward` what it does: this layer knows no operation, and gradients are made of them. */
export function installBackward(run: Backward): void {
  runBackward = run;
}

/**
 * A dense row-major array on a device. Images are NHWC.
 *
 * Values never change in place, except parameters under an optimizer and by `write`.
 */
export class Tensor implements TensorInfo {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly device: Device;
  /** True for leaves whose gradient `backward()` accumulates in `grad`. */
  requiresGrad: boolean;
  /** Set while a module is traced: the tensor then has no memory. */
  readonly traced: TraceValue | undefined;
  #hold: Hold | undefined;
  #grad: Tensor | undefined;
  /** The first values, and how often the memory had been written when they were read. */
  #read: { readonly values: readonly number[]; readonly version: number } | undefined;
  /** Which output of its operation this is. */
  #output = 0;
  /** Of the storage, where a gradient reads what an operation has saved. */
  readonly #savedVersion: number | undefined;

  constructor(
    device: Device,
    info: TensorInfo,
    source: Storage | TraceValue | SavedMemory,
    requiresGrad = false,
  ) {
    this.device = device;
    this.shape = [...info.shape];
    this.dtype = info.dtype;
    this.requiresGrad = requiresGrad;
    if ("info" in source) {
      this.traced = source;
      this.#hold = new Hold();
    } else {
      const saved = source instanceof Storage ? undefined : source;
      this.#savedVersion = saved?.version;
      this.#hold = new Hold(saved?.storage ?? (source as Storage));
      // What is restored for a gradient never leaves the scope of backward().
      if (!saved) dropped.register(this, this.#hold, this);
    }
    registerInScope(this);
  }

  /** Accumulated gradient of a leaf; the caller's to dispose (optimizers do it in `zeroGrad`). */
  get grad(): Tensor | undefined {
    return this.#grad;
  }

  /** @throws ShapeError, TensorError `DTYPE` unless the gradient has the tensor's shape and type. */
  set grad(gradient: Tensor | undefined) {
    if (gradient) requireGradientOf("grad", this, gradient);
    this.#grad = gradient;
  }

  /** The operation that made this tensor, while gradients are recorded. */
  get node(): TapeNode<Tensor> | undefined {
    return this.#hold?.node;
  }

  /** Where a gradient of this tensor goes; undefined where it needs none. */
  get gradientTarget(): Target<Tensor> | undefined {
    if (!this.requiresGrad) return undefined;
    return this.node ? { node: this.node, output: this.#output } : { leaf: this };
  }

  /** Notes which operation made this tensor. */
  setNode(node: TapeNode<Tensor>, output: number): void {
    if (!this.#hold) throw new DisposedError(`A tensor ${showShape(this.shape)}`);
    node.retain();
    this.#hold.node = node;
    this.#output = output;
    this.requiresGrad = true;
  }

  /** This tensor as an operation uses it now; in a training step that is traced, the tensor itself. */
  save(traced: boolean): Saved<Tensor> {
    if (traced) return { tensor: this };
    const { shape, dtype, storage } = this;
    return { shape, dtype, storage, version: storage.version };
  }

  /** Elements in all. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  get isDisposed(): boolean {
    return this.#hold === undefined && this.traced === undefined;
  }

  /**
   * @throws DisposedError after `dispose()`; TensorError `CHANGED` where a gradient needs a value that has been
   * overwritten since.
   */
  get storage(): Storage {
    const storage = this.#hold?.storage;
    if (!storage) {
      if (this.traced) {
        throw new TensorError(
          "TRACED",
          "A tensor of a trace has no values: forward() must not read data while it is compiled. Compute with operations, or read before and after.",
        );
      }
      throw new DisposedError(`A tensor ${showShape(this.shape)}`);
    }
    if (this.#savedVersion !== undefined && this.#savedVersion !== storage.version) {
      throw new TensorError(
        "CHANGED",
        `backward(): a tensor ${showShape(this.shape)} that a gradient needs was changed in place after it was ` +
          "used: call backward() before write() and the optimizer's step(), or run forward again.",
      );
    }
    return storage;
  }

  /** The whole tensor as an argument of a dispatch. */
  get binding(): BufferBinding {
    return this.storage.binding;
  }

  /** How often the memory was written so far: the values are those of before while it is the same. */
  get version(): number {
    return this.storage.version;
  }

  /** Reads the elements back, in row-major order. */
  async data(): Promise<DTypeArrays[DType]> {
    const bytes = this.size * bytesPerElement(this.dtype);
    if (bytes === 0) return typedArray(this.dtype, new ArrayBuffer(0));
    const { device, buffer, offset, version } = this.storage;
    const values = typedArray(this.dtype, await device.read(buffer.buffer, bytes, offset));
    this.#read = { values: [...values.subarray(0, SHOWN)], version };
    return values;
  }

  /** Shape, type and device; the first values, if they have been read since they were written. */
  toString(): string {
    const about = `Tensor ${showShape(this.shape)} ${this.dtype}`;
    if (this.traced) return `${about}, traced`;
    if (!this.#hold) return `${about}, disposed`;
    const where = `${about} on ${this.device.adapter.name}`;
    if (!this.#read || this.#read.version !== this.storage.version) return where;
    const { values } = this.#read;
    const shown = this.dtype === "f16" ? decodeHalf(Uint16Array.from(values)) : values;
    const more = this.size > values.length ? ", …" : "";
    return `${where}: ${[...shown].map((v) => Number(v.toPrecision(6))).join(", ")}${more}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** Reads the only element as a number. @throws ShapeError unless there is exactly one. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(
        `item() of a tensor ${showShape(this.shape)}: it takes one element; reduce it, or read data()`,
      );
    }
    const [value] = await this.data();
    return this.dtype === "f16" ? decodeHalf(Uint16Array.of(value))[0] : value;
  }

  /** Replaces all elements. */
  write(values: ArrayLike<number>): void {
    const array = toTyped(this.dtype, values);
    if (array.length !== this.size) {
      throw new ShapeError(
        `write: ${array.length} values given for ${showShape(this.shape)} (${this.size} elements); give as many`,
      );
    }
    const { buffer, offset } = this.storage;
    if (array.length > 0) this.device.write(buffer, array, offset);
  }

  /** The same values, cut off from the graph; shares memory. */
  detach(): Tensor {
    return new Tensor(this.device, this, this.traced ?? this.storage);
  }

  /**
   * Adds the gradient of this tensor with respect to every leaf that requires one to the leaf's `grad`, and gives
   * up what that needed: like PyTorch's, it runs once for each forward pass. It may be called after the scope of
   * the forward pass has ended.
   *
   * @param gradient same shape and type as this tensor; may be left out for a single element (then 1).
   * @throws ShapeError when it is left out for a larger tensor or does not fit; DisposedError after `dispose()`;
   * TensorError `NO_GRAPH` where nothing requires a gradient, `GRAPH_SPENT` the second time, `CHANGED` where a
   * tensor that a gradient needs was changed in place, `NOT_DIFFERENTIABLE` where an operation has no gradient
   */
  backward(gradient?: Tensor, options: BackwardOptions = {}): void {
    if (this.isDisposed) throw new DisposedError(`A tensor ${showShape(this.shape)}`);
    runBackward(this, gradient, options);
  }

  /**
   * Moves the elements to other memory of the same size. The tensor is the same afterwards; its reshapes and
   * detached copies stay in the old memory.
   */
  moveTo(storage: Storage): void {
    const { buffer, offset } = this.storage;
    const bytes = this.size * bytesPerElement(this.dtype);
    if (bytes > 0) {
      this.device.copy(buffer.buffer, offset, storage.buffer.buffer, storage.offset, bytes);
    }
    storage.retain();
    this.storage.movedTo = storage;
    this.storage.release();
    this.#hold!.storage = storage;
  }

  /** Gives the memory back; using the tensor afterwards throws. What `backward()` needs of it stays. */
  dispose(): void {
    if (!this.#hold) return;
    dropped.unregister(this);
    this.#hold.release();
    this.#hold = undefined;
  }
}

/** @throws ShapeError, TensorError unless `gradient` can be one of `tensor`. */
export function requireGradientOf(what: string, tensor: TensorInfo, gradient: Tensor): void {
  if (!sameShape(gradient.shape, tensor.shape)) {
    throw new ShapeError(
      `${what}: a gradient ${showShape(gradient.shape)} for a tensor ${showShape(tensor.shape)}; both must agree`,
    );
  }
  if (gradient.dtype !== tensor.dtype) {
    throw new TensorError(
      "DTYPE",
      `${what}: a gradient of ${gradient.dtype} for a tensor of ${tensor.dtype}; cast() it.`,
    );
  }
}

/** Values that `toString` shows. */
const SHOWN = 6;

/** Options of `tensor`. */
export interface TensorOptions {
  dtype?: DType | undefined;
  requiresGrad?: boolean | undefined;
}

/**
 * A tensor from host values.
 *
 * @param values in row-major order, or nested as the tensor is
 * @param shape may be left out: values that are nested tell it, others are a vector
 * @throws ShapeError on a wrong count, or nested arrays of different lengths; TensorError `ARGUMENT` for what is no number
 */
export function tensor(
  device: Device,
  values: ArrayLike<number> | NestedNumbers,
  shape?: Shape,
  options: TensorOptions = {},
): Tensor {
  const numbers = flatten(values);
  const result = empty(device, shape ?? numbers.shape, options);
  result.write(numbers.values);
  return result;
}

/** A tensor with undefined contents. */
export function empty(device: Device, shape: Shape, options: TensorOptions = {}): Tensor {
  requireOptions("a tensor", options, ["dtype", "requiresGrad"]);
  requireList("a tensor", shape, "extents");
  assertShape("tensor", shape);
  const dtype = options.dtype ?? "f32";
  if (!DTYPES.includes(dtype)) {
    throw new TensorError("DTYPE", `a tensor's type is one of ${DTYPES.join(", ")}, not ${dtype}.`);
  }
  if (options.requiresGrad && (dtype === "i32" || dtype === "u32")) {
    throw new TensorError("DTYPE", `${dtype} has no gradient: take f32, or no requiresGrad.`);
  }
  const bytes = sizeOf(shape) * bytesPerElement(dtype);
  const storage = new Storage(device, bytes, "tensor()");
  return new Tensor(device, { shape, dtype }, storage, options.requiresGrad);
}

/** A tensor of zeros. */
export function zeros(device: Device, shape: Shape, options: TensorOptions = {}): Tensor {
  const result = empty(device, shape, options);
  device.clear(result.storage.buffer);
  return result;
}
