import type { BufferBinding } from "../device/bind-groups.js";
import type { PooledBuffer } from "../device/buffer-pool.js";
import type { Device } from "../device/device.js";
import { bytesPerElement, type DType, type DTypeArrays, typedArray } from "./dtype.js";
import { DisposedError, ShapeError, TensorError } from "./errors.js";
import { registerInScope } from "./scope.js";
import { assertShape, type Shape, showShape, sizeOf } from "./shape.js";

/**
 * GPU memory shared by a tensor and its reshapes; freed when the last of them is disposed. A slice is a part of
 * another's memory, which it keeps alive.
 */
export class Storage {
  readonly device: Device;
  readonly buffer: PooledBuffer;
  /** Where in the buffer it begins, in bytes: a multiple of 256. */
  readonly offset: number;
  readonly bytes: number;
  /** Whose slice it is. */
  readonly parent: Storage | undefined;
  /** Where `Tensor.moveTo` took the elements. */
  movedTo: Storage | undefined;
  #references = 0;

  constructor(device: Device, bytes: number, label: string, place?: SlicePlace) {
    this.device = device;
    this.parent = place?.of;
    this.buffer = place?.of.buffer ?? device.allocate(bytes, label);
    this.offset = place ? place.of.offset + place.offset : 0;
    this.bytes = place ? bytes : this.buffer.bytes;
    this.parent?.retain();
  }

  /** `bytes` of another's memory from `offset` on, a multiple of 256. */
  static slice(of: Storage, offset: number, bytes: number): Storage {
    return new Storage(of.device, Math.max(16, Math.ceil(bytes / 16) * 16), "", { of, offset });
  }

  /** As an argument of a dispatch. */
  get binding(): BufferBinding {
    return { buffer: this.buffer.buffer, offset: this.offset, size: this.bytes };
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references > 0) return;
    if (this.parent) this.parent.release();
    else this.device.free(this.buffer);
  }
}

interface SlicePlace {
  readonly of: Storage;
  readonly offset: number;
}

// A tensor dropped without dispose() gives its memory back when it is collected.
const dropped = new FinalizationRegistry<Storage>((storage) => storage.release());

/** What makes up a tensor besides its elements. */
export interface TensorInfo {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value of a traced graph: what a tensor stands for that has no memory yet. */
export interface TraceValue {
  readonly info: TensorInfo;
}

/** One recorded operation: what its gradient needs. */
export interface TapeNode {
  readonly op: { readonly name: string };
  readonly attrs: unknown;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

type Backward = (root: Tensor, gradient: Tensor | undefined) => void;

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
  /** Accumulated gradient of a leaf; the caller's to dispose (optimizers do it in `zeroGrad`). */
  grad: Tensor | undefined;
  /** How this tensor was computed, while gradients are recorded. */
  node: TapeNode | undefined;
  /** Set while a module is traced: the tensor then has no memory. */
  readonly traced: TraceValue | undefined;
  #storage: Storage | undefined;

  constructor(
    device: Device,
    info: TensorInfo,
    source: Storage | TraceValue,
    requiresGrad = false,
  ) {
    this.device = device;
    this.shape = [...info.shape];
    this.dtype = info.dtype;
    this.requiresGrad = requiresGrad;
    if (source instanceof Storage) {
      source.retain();
      this.#storage = source;
      dropped.register(this, source, this);
    } else {
      this.traced = source;
    }
    registerInScope(this);
  }

  /** Elements in all. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  get isDisposed(): boolean {
    return this.#storage === undefined && this.traced === undefined;
  }

  /** @throws DisposedError after `dispose()`. */
  get storage(): Storage {
    if (!this.#storage) {
      if (this.traced) {
        throw new TensorError(
          "TRACED",
          "A tensor of a trace has no values: forward() must not read data while it is compiled.",
        );
      }
      throw new DisposedError(`A tensor ${showShape(this.shape)}`);
    }
    return this.#storage;
  }

  /** The whole tensor as an argument of a dispatch. */
  get binding(): BufferBinding {
    return this.storage.binding;
  }

  /** How often the memory was written so far: the values are those of before while it is the same. */
  get version(): number {
    return this.device.versions.of(this.storage.buffer.buffer);
  }

  /** Reads the elements back, in row-major order. */
  async data(): Promise<DTypeArrays[DType]> {
    const bytes = this.size * bytesPerElement(this.dtype);
    if (bytes === 0) return typedArray(this.dtype, new ArrayBuffer(0));
    const { device, buffer, offset } = this.storage;
    return typedArray(this.dtype, await device.read(buffer.buffer, bytes, offset));
  }

  /** Reads the only element. @throws ShapeError unless there is exactly one. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError(`item() of a tensor ${showShape(this.shape)}`);
    return (await this.data())[0];
  }

  /** Replaces all elements. */
  write(values: ArrayLike<number>): void {
    const array = toTyped(this.dtype, values);
    if (array.length !== this.size) {
      throw new ShapeError(
        `write: ${array.length} values given for ${showShape(this.shape)} (${this.size} elements)`,
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
   * Adds the gradient of this tensor with respect to every leaf that requires one to the leaf's `grad`.
   *
   * @param gradient same shape as this tensor; may be left out for a single element (then 1).
   * @throws ShapeError when it is left out for a larger tensor.
   */
  backward(gradient?: Tensor): void {
    runBackward(this, gradient);
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
    dropped.unregister(this);
    this.storage.movedTo = storage;
    this.storage.release();
    this.#storage = storage;
    dropped.register(this, storage, this);
  }

  /** Gives the memory back; using the tensor afterwards throws. */
  dispose(): void {
    this.node = undefined;
    if (!this.#storage) return;
    dropped.unregister(this);
    this.#storage.release();
    this.#storage = undefined;
  }
}

function toTyped(dtype: DType, values: ArrayLike<number>): DTypeArrays[DType] {
  if (dtype === "f32") return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === "i32") return values instanceof Int32Array ? values : Int32Array.from(values);
  if (dtype === "u32") return values instanceof Uint32Array ? values : Uint32Array.from(values);
  if (values instanceof Uint16Array) return values;
  throw new TensorError("DTYPE", "f16 tensors take raw bits as Uint16Array.");
}

/** Options of `tensor`. */
export interface TensorOptions {
  dtype?: DType;
  requiresGrad?: boolean;
}

/** A tensor from host values in row-major order. @throws ShapeError on a wrong count. */
export function tensor(
  device: Device,
  values: ArrayLike<number>,
  shape: Shape,
  options: TensorOptions = {},
): Tensor {
  const result = empty(device, shape, options);
  result.write(values);
  return result;
}

/** A tensor with undefined contents. */
export function empty(device: Device, shape: Shape, options: TensorOptions = {}): Tensor {
  assertShape("tensor", shape);
  const dtype = options.dtype ?? "f32";
  const bytes = sizeOf(shape) * bytesPerElement(dtype);
  const storage = new Storage(device, bytes, `tensor ${showShape(shape)}`);
  return new Tensor(device, { shape, dtype }, storage, options.requiresGrad);
}

/** A tensor of zeros. */
export function zeros(device: Device, shape: Shape, options: TensorOptions = {}): Tensor {
  const result = empty(device, shape, options);
  device.clear(result.storage.buffer);
  return result;
}
