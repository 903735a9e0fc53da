import {
  elementCount,
  type HostTensor,
  hostElementBytes,
  hostTensorFromBuffer,
  type StateDict,
} from "../core/host-tensor.js";
import { corrupt, quote, unsupported } from "./errors.js";
import type { PyValue } from "./pickle.js";
import { type TorchStorage, TorchTensor } from "./torch-host.js";

/** Gives a storage's bytes, after checking its declared size against the file. */
export type StorageReader = (storage: TorchStorage) => Uint8Array;

/** Tensors that share a storage are copied apart, up to this many times the storages' bytes. */
const MAX_SHARING = 8;
const SHARING_FLOOR_BYTES = 65_536;

const DATA_PARALLEL_PREFIX = "module.";

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

/** The dictionary of tensors in a checkpoint's object: itself, or what it holds as `state_dict`. */
function findTensors(root: PyValue): Map<string, TorchTensor> {
  const inner = root instanceof Map ? root.get("state_dict") : undefined;
  const dict = inner instanceof Map ? inner : root;
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of dict instanceof Map ? dict : []) {
    if (typeof name === "string" && value instanceof TorchTensor) tensors.set(name, value);
  }
  if (tensors.size > 0) return tensors;
  const keys =
    dict instanceof Map ? [...dict.keys()].slice(0, 8).map((key) => quote(String(key))) : [];
  throw unsupported(
    `The checkpoint holds no tensors${keys.length ? ` but ${keys.join(", ")}` : ""}. ` +
      "Save a state dict, or a dictionary that has one as `state_dict`.",
  );
}

/** Takes the prefix `module.` (torch.nn.DataParallel) off the names where all of them have it. */
export function stripDataParallel<T>(tensors: Map<string, T>): Map<string, T> {
  const names = [...tensors.keys()];
  if (!names.every((name) => name.startsWith(DATA_PARALLEL_PREFIX))) return tensors;
  return new Map([...tensors].map(([name, t]) => [name.slice(DATA_PARALLEL_PREFIX.length), t]));
}

/**
 * Copies the tensors of a checkpoint's object out of its storages; entries of the dictionary that are
 * no tensors are left out. All sizes are checked before the first tensor is allocated.
 */
export function readTensors(root: PyValue, readStorage: StorageReader): StateDict {
  const tensors = stripDataParallel(findTensors(root));
  const storages = new Map<TorchStorage, Uint8Array>();
  let stored = 0;
  let wanted = 0;
  for (const tensor of tensors.values()) {
    wanted += tensorBytes(tensor);
    if (storages.has(tensor.storage)) continue;
    const bytes = readStorage(tensor.storage);
    storages.set(tensor.storage, bytes);
    stored += bytes.length;
  }
  if (!(wanted <= Math.max(MAX_SHARING * stored, SHARING_FLOOR_BYTES))) {
    throw corrupt(`Its tensors need ${wanted} bytes, but ${stored} are stored.`);
  }
  const result: StateDict = new Map();
  for (const [name, tensor] of tensors) {
    result.set(name, copyTensor(tensor, storages.get(tensor.storage)!));
  }
  return result;
}
