import { concatBytes, littleEndian } from "./bytes.js";
import { type Py, pickle } from "./pickle-writer.js";
import { writeZip, type ZipItem, type ZipOptions } from "./zip-writer.js";

/** A storage as `torch.save` writes it. */
export interface Storage {
  readonly key: string;
  /** E.g. `FloatStorage`. */
  readonly type: string;
  readonly data: Uint8Array;
  readonly count: number;
}

/** A tensor on a storage; contiguous from its start by default. */
export interface TensorSpec {
  readonly storage: Storage;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
  /** Wrapped in `torch.nn.Parameter`. */
  readonly parameter?: boolean;
}

/** Makes a storage of a typed array. */
export function storage(key: string, type: string, values: ArrayBufferView & { length: number }) {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  return { key, type, data, count: values.length };
}

function contiguousStrides(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
}

/** The persistent id of a storage. */
export function storageId({ key, type, count }: Storage, ...more: Py[]): Py {
  return {
    persistent: { tuple: ["storage", { global: ["torch", type] }, key, "cuda:0", count, ...more] },
  };
}

/** A tensor as PyTorch pickles it. */
export function tensorOf(spec: TensorSpec): Py {
  const hooks: Py = { call: { global: ["collections", "OrderedDict"] }, args: [] };
  const strides = spec.strides ?? contiguousStrides(spec.shape);
  const tensor: Py = {
    call: { global: ["torch._utils", "_rebuild_tensor_v2"] },
    args: [
      storageId(spec.storage),
      spec.offset ?? 0,
      { tuple: spec.shape },
      { tuple: strides },
      false,
      hooks,
    ],
  };
  if (!spec.parameter) return tensor;
  return { call: { global: ["torch._utils", "_rebuild_parameter"] }, args: [tensor, true, hooks] };
}

/** PyTorch's legacy file. */
export function legacyFile(
  root: Py,
  storages: readonly Storage[],
  options: { protocol?: 2 | 4; bigEndian?: boolean; version?: number } = {},
): Uint8Array {
  const { protocol = 2 } = options;
  const system: Py = {
    dict: [
      ["protocol_version", 1001],
      ["little_endian", !options.bigEndian],
      ["type_sizes", { dict: [["short", 2]] }],
    ],
  };
  const pickles = [0x1950a86a20f9469cfc6cn, options.version ?? 1001, system, root];
  return concatBytes([
    ...pickles.map((value) => pickle(value, protocol)),
    pickle(
      storages.map(({ key }) => key),
      protocol,
    ),
    ...storages.flatMap(({ count, data }) => [littleEndian(count, 8), data]),
  ]);
}

/** The entries of PyTorch's ZIP file. */
export function zipItems(root: Py, storages: readonly Storage[], protocol: 2 | 4 = 2): ZipItem[] {
  return [
    { name: "archive/data.pkl", data: pickle(root, protocol) },
    { name: "archive/byteorder", data: new TextEncoder().encode("little") },
    ...storages.map(({ key, data }) => ({ name: `archive/data/${key}`, data })),
    { name: "archive/version", data: new TextEncoder().encode("3\n") },
  ];
}

/** PyTorch's ZIP file. */
export function zipFile(
  root: Py,
  storages: readonly Storage[],
  options: ZipOptions & { protocol?: 2 | 4 } = {},
): Uint8Array {
  return writeZip(zipItems(root, storages, options.protocol), options);
}
