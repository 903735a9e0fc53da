import type { HostDType } from "../core/host-tensor.js";
import { corrupt, quote, unsafe, unsupported } from "./errors.js";
import { type PickleHost, PyGlobal, PyList, PyOpaque, PyTuple, type PyValue } from "./pickle.js";

/** A run of elements that the checkpoint stores under `key`, as declared; not yet checked against the file. */
export class TorchStorage extends PyOpaque {
  override readonly kind = "storage";
  constructor(
    readonly key: string,
    readonly dtype: HostDType,
    readonly count: number,
  ) {
    super();
  }
}

/** Part of a storage; the whole of it but in files of PyTorch's first versions. */
class StorageView extends PyOpaque {
  override readonly kind = "storage view";
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly count: number,
  ) {
    super();
  }
}

/** A tensor as declared: `offset` and `strides` count elements and stay within the storage. */
export class TorchTensor extends PyOpaque {
  override readonly kind = "tensor";
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    super();
  }
}

const STORAGE_DTYPES: Readonly<Record<string, HostDType>> = {
  FloatStorage: "f32",
  HalfStorage: "f16",
  DoubleStorage: "f64",
  BFloat16Storage: "bf16",
  LongStorage: "i64",
  IntStorage: "i32",
  ShortStorage: "i16",
  CharStorage: "i8",
  ByteStorage: "u8",
  BoolStorage: "bool",
};

/** PyTorch's own limit on a tensor's dimensions. */
const MAX_RANK = 64;

/** Harmless things that this library has no tensors for. */
const UNSUPPORTED_GLOBAL = /^torch\.(Complex|Q)\w+Storage$|^torch\._utils\._rebuild_\w+$/;

function size(value: PyValue | undefined, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw corrupt(`A tensor's ${what} is not a size.`);
  }
  return value;
}

function sizes(value: PyValue | undefined, what: string): number[] {
  if (!(value instanceof PyTuple) || value.items.length > MAX_RANK) {
    throw corrupt(`A tensor's ${what} is not a tuple of at most ${MAX_RANK} sizes.`);
  }
  return value.items.map((item) => size(item, what));
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, …)`: the rest concerns gradients. */
function rebuildTensor(args: readonly PyValue[]): TorchTensor {
  const [view, offsetValue, shapeValue, stridesValue] = args;
  if (!(view instanceof StorageView)) throw corrupt("A tensor is built without a storage.");
  const offset = size(offsetValue, "offset");
  const shape = sizes(shapeValue, "shape");
  const strides = sizes(stridesValue, "stride");
  if (shape.length !== strides.length)
    throw corrupt("A tensor's shape and strides differ in length.");
  const last = shape.reduce((sum, extent, i) => sum + (extent - 1) * strides[i], offset);
  if (!shape.includes(0) && !(last < view.count)) {
    throw corrupt(`A tensor reaches element ${last} of ${view.count} of its storage.`);
  }
  return new TorchTensor(view.storage, view.offset + offset, shape, strides);
}

/** `_rebuild_parameter(data, requires_grad, hooks)`. */
function rebuildParameter([data]: readonly PyValue[]): PyValue {
  if (!(data instanceof TorchTensor)) throw corrupt("A parameter is built without a tensor.");
  return data;
}

/** `torch.Size(tuple)`. */
function torchSize([items]: readonly PyValue[]): PyValue {
  if (!(items instanceof PyTuple)) throw corrupt("A torch.Size is built without a tuple.");
  return items;
}

/**
 * `OrderedDict()`, or `OrderedDict([[key, value], …])` from Python 2. A list serves once, so that the
 * work stays linear.
 */
function orderedDict(args: readonly PyValue[], used: WeakSet<PyList>): PyValue {
  const dict = new Map<PyValue, PyValue>();
  const [pairs] = args;
  if (pairs === undefined) return dict;
  if (!(pairs instanceof PyList) || used.has(pairs))
    throw corrupt("An OrderedDict is built of no list.");
  used.add(pairs);
  for (const pair of pairs.items) {
    const items = pair instanceof PyList || pair instanceof PyTuple ? pair.items : [];
    if (items.length !== 2) throw corrupt("An OrderedDict is built of something else than pairs.");
    dict.set(items[0], items[1]);
  }
  return dict;
}

/** Classes of Python's that training programs store beside tensors, and what becomes of them. */
const PLAIN_CLASSES: Readonly<Record<string, (args: readonly PyValue[]) => PyValue>> = {
  "collections.Counter": ([counts]) => (counts instanceof Map ? counts : new Map()),
  "collections.defaultdict": () => new Map(),
  "collections.deque": ([items]) => (items instanceof PyList ? items : new PyList()),
  "torch.device": ([name]) => name ?? null,
};
for (const module of ["builtins", "__builtin__"]) {
  Object.assign(PLAIN_CLASSES, { [`${module}.set`]: listOf, [`${module}.frozenset`]: listOf });
}

function listOf([items]: readonly PyValue[]): PyValue {
  return items instanceof PyList ? items : new PyList();
}

/** What a defaultdict makes its values with, and element types: names that are never called. */
const NAMES =
  /^(?:(?:builtins|__builtin__)\.(?:int|float|bool|str|list|dict|set|tuple)|torch\.(?:float|bfloat|int|uint)\d+|torch\.bool)$/;

/** Allows what a state dict is made of and collects the storages it refers to. */
export class TorchHost implements PickleHost {
  readonly #storages = new Map<string, TorchStorage>();
  readonly #globals: ReadonlyMap<string, PyGlobal>;
  readonly #storageTypes = new Map<PyGlobal, HostDType>();

  constructor() {
    const used = new WeakSet<PyList>();
    const globals = [
      new PyGlobal("collections.OrderedDict", (args) => orderedDict(args, used)),
      new PyGlobal("torch._utils._rebuild_tensor", rebuildTensor),
      new PyGlobal("torch._utils._rebuild_tensor_v2", rebuildTensor),
      new PyGlobal("torch._utils._rebuild_parameter", rebuildParameter),
      new PyGlobal("torch.Size", torchSize),
    ];
    for (const [name, build] of Object.entries(PLAIN_CLASSES)) {
      globals.push(new PyGlobal(name, build));
    }
    for (const [name, dtype] of Object.entries(STORAGE_DTYPES)) {
      const type = new PyGlobal(`torch.${name}`);
      globals.push(type);
      this.#storageTypes.set(type, dtype);
    }
    this.#globals = new Map(globals.map((global) => [global.name, global]));
  }

  /** Every storage the pickle mentions, by key. */
  get storages(): ReadonlyMap<string, TorchStorage> {
    return this.#storages;
  }

  global(module: string, name: string): PyGlobal {
    const path = `${module}.${name}`;
    const found = this.#globals.get(path);
    if (found) return found;
    if (NAMES.test(path)) return new PyGlobal(path);
    if (UNSUPPORTED_GLOBAL.test(path)) {
      throw unsupported(`The checkpoint holds ${quote(path)}; only dense, real tensors are read.`);
    }
    throw unsafe(`The pickle asks for ${quote(path)}.`);
  }

  /** `("storage", type, key, location, count[, view])`; the location (a device) does not matter here. */
  persistent(id: PyValue): PyValue {
    if (!(id instanceof PyTuple) || id.items[0] !== "storage") {
      throw unsafe("The pickle refers to something else than a tensor's storage.");
    }
    const [, type, key, , countValue, view] = id.items;
    const dtype = type instanceof PyGlobal ? this.#storageTypes.get(type) : undefined;
    if (!dtype || (typeof key !== "string" && typeof key !== "number")) {
      throw corrupt("A storage has no type or no key.");
    }
    const storage = this.#declare(String(key), dtype, size(countValue, "storage size"));
    if (!(view instanceof PyTuple)) return new StorageView(storage, 0, storage.count);
    const offset = size(view.items[1], "view offset");
    const count = size(view.items[2], "view size");
    if (offset + count > storage.count) throw corrupt("A view reaches past its storage.");
    return new StorageView(storage, offset, count);
  }

  #declare(key: string, dtype: HostDType, count: number): TorchStorage {
    const known = this.#storages.get(key);
    if (!known) {
      const storage = new TorchStorage(key, dtype, count);
      this.#storages.set(key, storage);
      return storage;
    }
    if (known.dtype !== dtype || known.count !== count) {
      throw corrupt(`Storage ${quote(key)} is declared twice, differently.`);
    }
    return known;
  }
}
