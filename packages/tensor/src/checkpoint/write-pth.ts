import { type ZipOptions, type Zippable, zipSync } from "fflate";
import {
  type HostDType,
  type HostTensor,
  hostTensorBytes,
  type StateDict,
} from "../core/host-tensor.js";
import type { OwnBytes } from "../core/web.js";
import { CheckpointError, quote } from "./errors.js";

/**
 * PyTorch's format since 1.6, written: an uncompressed ZIP archive with one folder that holds the pickle of an
 * `OrderedDict` of tensors and each tensor's elements as `data/KEY`, aligned as `torch.save` aligns them.
 */

/** What `torch.save` calls the folder of a file without a name. */
const FOLDER = "archive";
const FORMAT_VERSION = "3\n";
/** Data begin at multiples of this, so that `torch.load(mmap=True)` can map them. */
const ALIGNMENT = 64;
/** The extra field that PyTorch pads with. */
const PADDING_FIELD = 0x4246;
const FIELD_HEADER_BYTES = 4;
const LOCAL_HEADER_BYTES = 30;
/** Without ZIP64, less what names and headers take. */
const MOST_BYTES = 2 ** 32 - 2 ** 24;

const STORAGES: Readonly<Partial<Record<HostDType, string>>> = {
  f32: "FloatStorage",
  f16: "HalfStorage",
  f64: "DoubleStorage",
  bf16: "BFloat16Storage",
  i64: "LongStorage",
  i32: "IntStorage",
  i16: "ShortStorage",
  i8: "CharStorage",
  u8: "ByteStorage",
  bool: "BoolStorage",
};

/** Opcodes of pickle protocol 2 (PEP 307) that a state dict takes. */
const OP = {
  proto: 0x80,
  mark: 0x28,
  global: 0x63,
  emptyTuple: 0x29,
  tuple: 0x74,
  reduce: 0x52,
  text: 0x58,
  int: 0x4a,
  isFalse: 0x89,
  persistent: 0x51,
  setItems: 0x75,
  stop: 0x2e,
} as const;

class Pickler {
  readonly #bytes: number[] = [OP.proto, 2];

  code(...codes: number[]): this {
    this.#bytes.push(...codes);
    return this;
  }

  global(module: string, name: string): this {
    return this.code(OP.global, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }

  text(value: string): this {
    const utf8 = new TextEncoder().encode(value);
    return this.code(OP.text)
      .#uint32(utf8.length)
      .code(...utf8);
  }

  int(value: number): this {
    return this.code(OP.int).#uint32(value);
  }

  ints(values: readonly number[]): this {
    this.code(OP.mark);
    for (const value of values) this.int(value);
    return this.code(OP.tuple);
  }

  emptyDict(): this {
    return this.global("collections", "OrderedDict").code(OP.emptyTuple, OP.reduce);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.code(OP.stop).#bytes);
  }

  #uint32(value: number): this {
    for (let shift = 0; shift < 32; shift += 8) this.#bytes.push((value >>> shift) & 0xff);
    return this;
  }
}

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--)
    strides[i] = strides[i + 1] * Math.max(1, shape[i + 1]);
  return strides;
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`. */
function pickleTensor(to: Pickler, key: string, { dtype, shape, data }: HostTensor): void {
  to.global("torch._utils", "_rebuild_tensor_v2").code(OP.mark);
  to.code(OP.mark).text("storage").global("torch", STORAGES[dtype]!).text(key).text("cpu");
  to.int(data.length).code(OP.tuple, OP.persistent);
  to.int(0).ints(shape).ints(rowMajorStrides(shape)).code(OP.isFalse).emptyDict();
  to.code(OP.tuple, OP.reduce);
}

function pickleState(tensors: StateDict): Uint8Array {
  const to = new Pickler().emptyDict().code(OP.mark);
  let key = 0;
  for (const [name, tensor] of tensors) {
    to.text(name);
    pickleTensor(to, `${key++}`, tensor);
  }
  return to.code(OP.setItems).finish();
}

function checkWritable(tensors: StateDict): void {
  let total = 0;
  for (const [name, { dtype, data }] of tensors) {
    total += data.byteLength;
    if (STORAGES[dtype]) continue;
    throw new CheckpointError(
      "CHECKPOINT_UNSUPPORTED",
      `${quote(name)} is of ${dtype}, which PyTorch's format has no storage for: leave it out, or write safetensors.`,
    );
  }
  if (total > MOST_BYTES) {
    throw new CheckpointError(
      "CHECKPOINT_UNSUPPORTED",
      `The tensors take ${total} bytes, and a .pth is written up to ${MOST_BYTES}: write safetensors.`,
    );
  }
}

/** An archive whose entries' data are aligned; entries are stored in the order given. */
function zipAligned(entries: readonly (readonly [name: string, data: Uint8Array])[]): OwnBytes {
  const files: Zippable = {};
  let end = 0;
  for (const [name, data] of entries) {
    const start = end + LOCAL_HEADER_BYTES + name.length + FIELD_HEADER_BYTES;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    const options: ZipOptions = {
      level: 0,
      mtime: new Date(1980, 0, 1),
      extra: { [PADDING_FIELD]: new Uint8Array(padding).fill(0x5a) },
    };
    files[name] = [data, options];
    end = start + padding + data.length;
  }
  return zipSync(files) as OwnBytes;
}

/**
 * Writes a state dict as PyTorch's `.pth` in its ZIP format: `torch.load(file, weights_only=True)` gives an
 * `OrderedDict` of the same names, shapes, types and bits. The same input gives the same bytes. Metadata have no
 * place in it.
 *
 * @throws CheckpointError `CHECKPOINT_UNSUPPORTED` for an element type that PyTorch has no storage for (u32), or
 * more than 4 GB
 */
export function writePth(tensors: StateDict): OwnBytes {
  checkWritable(tensors);
  const utf8 = (text: string) => new TextEncoder().encode(text);
  return zipAligned([
    [`${FOLDER}/data.pkl`, pickleState(tensors)],
    [`${FOLDER}/byteorder`, utf8("little")],
    ...[...tensors.values()].map(
      (tensor, key) => [`${FOLDER}/data/${key}`, hostTensorBytes(tensor)] as const,
    ),
    [`${FOLDER}/version`, utf8(FORMAT_VERSION)],
  ]);
}
