import base64 from "../jpeg-binary.js";

/** What the module exports; addresses are bytes in its memory. */
interface JpegExports {
  heapBase(): number;
  /** MCUs of a row from `column` on, see `Scan`. @returns how many were in order, then it stops */
  decodeMcus(scan: number, row: number, column: number, wanted: number): number;
  /** As `decodeMcus`, of a progressive scan. */
  decodeProgressive(scan: number, row: number, column: number, wanted: number): number;
  /** Blocks of coefficients (64 of 16 bits each) to samples, see `Component`. */
  finishBlocks(
    component: number,
    coefficients: number,
    row: number,
    column: number,
    blocks: number,
  ): void;
  spreadRows(near: number, far: number, to: number, width: number): void;
  widenRow(line: number, to: number, width: number): void;
  mixRows(near: number, far: number, to: number, width: number, round: number): void;
  spreadColumns(sums: number, to: number, width: number, weight: number): void;
  yccRow(luma: number, cb: number, cr: number, to: number, width: number): void;
  greyRow(grey: number, to: number, width: number): void;
  sumRow(line: number, taps: number, to: number, width: number): void;
  addRow(sums: number, to: number, width: number, weight: number): void;
  storeRow(sums: number, to: number, width: number): void;
}

/** Bytes behind and before each allocation that kernels may read and write, whole vectors at a time. */
const SLACK = 32;
const PAGE = 65536;

let compiled: WebAssembly.Module | undefined;

function compile(): WebAssembly.Module {
  if (compiled) return compiled;
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  compiled = new WebAssembly.Module(bytes);
  return compiled;
}

/**
 * Kernels of a JPEG decoder and of a resizer, with a memory of their own, for one image at a time. What is allocated
 * lies there until `reset`.
 */
export class JpegKernels {
  readonly run: JpegExports;
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE });
  #free: number;
  /** Where memory begins that nothing was allocated in yet. */
  #used = 0;
  /** Address of the file that was loaded. */
  file = 0;

  /** Compiles on first use, without waiting: it is small. */
  constructor() {
    const instance = new WebAssembly.Instance(compile(), { env: { memory: this.#memory } });
    this.run = instance.exports as unknown as JpegExports;
    this.#free = this.run.heapBase();
  }

  /** Bytes that the memory has grown to. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /**
   * Memory filled with zeros. Views of the memory that were made before may be of no use afterwards.
   *
   * @throws RangeError where there is none
   */
  allocate(bytes: number): number {
    const at = Math.ceil((this.#free + SLACK) / 16) * 16;
    this.#free = at + bytes + SLACK;
    const lack = Math.ceil((this.#free - this.bytes) / PAGE);
    if (lack > 0) this.#grow(lack);
    // What was never used is zero.
    const used = Math.min(bytes, Math.max(0, this.#used - at));
    new Uint8Array(this.#memory.buffer, at, used).fill(0);
    this.#used = Math.max(this.#used, this.#free);
    return at;
  }

  #grow(pages: number): void {
    try {
      this.#memory.grow(pages);
    } catch (cause) {
      throw new RangeError("Memory allocation failed", { cause });
    }
  }

  /** Puts the bytes of a file into memory. */
  load(bytes: Uint8Array): void {
    this.file = this.allocate(bytes.length);
    this.put(this.file, bytes);
  }

  /** Gives back what was allocated. */
  reset(): void {
    this.#free = this.run.heapBase();
  }

  view(at: number, length: number): Uint8ClampedArray<ArrayBuffer> {
    return new Uint8ClampedArray(this.#memory.buffer, at, length);
  }

  words(at: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#memory.buffer, at, length);
  }

  shorts(at: number, length: number): Int16Array<ArrayBuffer> {
    return new Int16Array(this.#memory.buffer, at, length);
  }

  /** Puts values into memory. */
  put(at: number, values: ArrayBufferView): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    new Uint8Array(this.#memory.buffer, at, bytes.length).set(bytes);
  }
}

/** Instances that nobody uses, to be used again: each decodes one image at a time. */
const idle: JpegKernels[] = [];
const MOST_IDLE = 4;
/** An instance whose memory has grown beyond is let go: it cannot shrink. */
const MOST_IDLE_BYTES = 2 ** 26;

/** Kernels for one image; give them back with {@link releaseJpegKernels}. */
export function acquireJpegKernels(): JpegKernels {
  return idle.pop() ?? new JpegKernels();
}

export function releaseJpegKernels(kernels: JpegKernels): void {
  kernels.reset();
  if (idle.length < MOST_IDLE && kernels.bytes <= MOST_IDLE_BYTES) idle.push(kernels);
}
