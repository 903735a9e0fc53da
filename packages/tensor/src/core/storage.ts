import type { BufferBinding } from "../device/bind-groups.js";
import type { PooledBuffer } from "../device/buffer-pool.js";
import type { Device } from "../device/device.js";

/**
 * GPU memory shared by a tensor, its reshapes and the tape; freed when the last of them lets go. A slice is a part
 * of another's memory, which it keeps alive.
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

  /** Whether more than one tensor or recorded operation holds it. */
  get isShared(): boolean {
    return this.#references > 1;
  }

  /** How often the memory was written so far; slices of one buffer count together. */
  get version(): number {
    return this.device.versions.of(this.buffer.buffer);
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
