import {
  elementCount,
  type HostTensor,
  hostElementBytes,
  hostTensorFromBuffer,
  type StateDict,
} from "../core/host-tensor.js";
import { corrupt, quote, unsupported } from "./errors.js";
import { checkUnfolded } from "./limits.js";
import type { PyValue } from "./pickle.js";
import { type TorchStorage, TorchTensor } from "./torch-host.js";
import { stripWrappers } from "./wrappers.js";

/** Gives a storage's bytes, after checking its declared size against the file. */
export type StorageReader = (storage: TorchStorage) => Uint8Array;

/** Tensors that share a storage are copied apart, up to this many times the storages' bytes. */
const MAX_SHARING = 8;
const SHARING_FLOOR_BYTES = 65_536;

function tensorBytes({ storage, shape }: TorchTensor): number {
  return elementCount(shape) * hostElementBytes(storage.dtype);
}

function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i];
  }
  return true;
}

/** Copies elements of `width` bytes in row-major order of the shape, each from where the strides say. */
function gather(target: Uint8Array, source: Uint8Array, tensor: TorchTensor, width: number): void {
  const { shape, strides, offset } = tensor;
  const index = shape.map(() => 0);
  let element = offset;
  for (let to = 0; to < target.length; to += width) {
    const from = element * width;
    for (let b = 0; b < width; b++) target[to + b] = source[from + b];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      element += strides[axis];
      if (++index[axis] < shape[axis]) break;
      element -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

function copyTensor(tensor: TorchTensor, source: Uint8Array): HostTensor {
  const width = hostElementBytes(tensor.storage.dtype);
  const target = new Uint8Array(tensorBytes(tensor));
  if (isContiguous(tensor)) {
    const start = tensor.offset * width;
    target.set(source.subarray(start, start + target.length));
  } else {
    gather(target, source, tensor, width);
  }
  return hostTensorFromBuffer(tensor.storage.dtype, tensor.shape, target.buffer);
}

/** Keys under which programs store a state dict beside other things, the first that is there counts. */
const NESTED = ["state_dict", "model_state_dict", "model", "ema", "net"] as const;
/** Dictionaries within each other that are looked into. */
const MAX_NESTING = 8;

/** The dictionary of tensors in a checkpoint's object: itself, or what it holds under a usual key. */
function findTensors(root: PyValue): Map<string, TorchTensor> {
  let dict: PyValue = root;
  for (let depth = 0; depth < MAX_NESTING; depth++) {
    const inner = innerDict(dict);
    if (inner === undefined) break;
    dict = inner;
  }
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of dict instanceof Map ? dict : []) {
    if (typeof name === "string" && value instanceof TorchTensor) tensors.set(name, value);
  }
  if (tensors.size > 0) return tensors;
  const keys =
    dict instanceof Map ? [...dict.keys()].slice(0, 8).map((key) => quote(String(key))) : [];
  throw unsupported(
    `The checkpoint holds no tensors${keys.length ? ` but ${keys.join(", ")}` : ""}. ` +
      `Save a state dict, or a dictionary that has one as ${NESTED.join(", ")}.`,
  );
}

function innerDict(dict: PyValue): PyValue | undefined {
  if (!(dict instanceof Map)) return undefined;
  return NESTED.map((key) => dict.get(key)).find((value) => value instanceof Map);
}

/**
 * Copies the tensors of a checkpoint's object out of its storages; entries of the dictionary that are
 * no tensors are left out. All sizes are checked before the first storage is read.
 *
 * @param fileBytes the file's size, which bounds what is taken.
 */
export function readTensors(
  root: PyValue,
  readStorage: StorageReader,
  fileBytes: number,
): StateDict {
  const tensors = stripWrappers(findTensors(root));
  const storages = new Set([...tensors.values()].map(({ storage }) => storage));
  let stored = 0;
  for (const { count, dtype } of storages) stored += count * hostElementBytes(dtype);
  let wanted = 0;
  for (const tensor of tensors.values()) wanted += tensorBytes(tensor);
  if (!(wanted <= Math.max(MAX_SHARING * stored, SHARING_FLOOR_BYTES))) {
    throw corrupt(`Its tensors need ${wanted} bytes, but ${stored} are stored.`);
  }
  checkUnfolded(stored + wanted, fileBytes);
  const bytes = new Map([...storages].map((storage) => [storage, readStorage(storage)]));
  const result: StateDict = new Map();
  for (const [name, tensor] of tensors) {
    result.set(name, copyTensor(tensor, bytes.get(tensor.storage)!));
  }
  return result;
}
