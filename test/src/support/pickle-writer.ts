import { concatBytes, littleEndian, utf8 } from "./bytes.js";

/** A Python value to pickle: scalars, lists, and tagged objects for the rest. */
export type Py =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Py[]
  | { readonly tuple: readonly Py[] }
  | { readonly dict: readonly (readonly [Py, Py])[] }
  | { readonly global: readonly [module: string, name: string] }
  | {
      readonly call: Py;
      readonly args: readonly Py[];
      /** Set on the result. */
      readonly items?: readonly (readonly [Py, Py])[];
    }
  | { readonly persistent: Py }
  | { readonly build: Py; readonly state: Py }
  /** Bytes put into the pickle as they are. */
  | { readonly raw: readonly number[] };

/** `collections.OrderedDict` with items and PyTorch's attribute `_metadata`. */
export function orderedDict(items: readonly (readonly [Py, Py])[]): Py {
  const dict: Py = { call: { global: ["collections", "OrderedDict"] }, args: [], items };
  return { build: dict, state: { dict: [["_metadata", { dict: [] }]] } };
}

/**
 * Pickles a value in protocol 2 (BINPUT and GLOBAL) or 4 (FRAME, MEMOIZE and STACK_GLOBAL). Texts are
 * memoised at their first use and recalled later.
 */
export function pickle(value: Py, protocol: 2 | 4 = 2): Uint8Array {
  const writer = new PickleWriter(protocol);
  writer.write(value);
  const body = concatBytes([...writer.parts, Uint8Array.of(0x2e)]);
  const frame = protocol === 4 ? [Uint8Array.of(0x95), littleEndian(body.length, 8)] : [];
  return concatBytes([Uint8Array.of(0x80, protocol), ...frame, body]);
}

class PickleWriter {
  readonly parts: Uint8Array[] = [];
  readonly #memo = new Map<string, number>();

  constructor(readonly protocol: 2 | 4) {}

  write(value: Py): void {
    if (value === null) this.#code("N");
    else if (typeof value === "boolean") this.#put(value ? 0x88 : 0x89);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#long(value);
    else if (typeof value === "string") this.#text(value);
    else if ("raw" in value) this.parts.push(Uint8Array.from(value.raw));
    else if ("tuple" in value) this.#tuple(value.tuple);
    else if ("global" in value) this.#global(...value.global);
    else if ("dict" in value) {
      this.#code("}");
      this.#items(value.dict);
    } else if ("persistent" in value) {
      this.write(value.persistent);
      this.#code("Q");
    } else if ("build" in value) {
      this.write(value.build);
      this.write(value.state);
      this.#code("b");
    } else if ("call" in value) {
      this.write(value.call);
      this.#tuple(value.args);
      this.#code("R");
      this.#items(value.items ?? []);
    } else this.#list(value);
  }

  #put(...bytes: number[]): void {
    this.parts.push(Uint8Array.from(bytes));
  }

  #code(character: string): void {
    this.#put(character.charCodeAt(0));
  }

  #number(value: number): void {
    if (!Number.isInteger(value)) {
      const bytes = new Uint8Array(9);
      bytes[0] = 0x47;
      new DataView(bytes.buffer).setFloat64(1, value, false);
      this.parts.push(bytes);
    } else if (value >= 0 && value < 256) this.#put(0x4b, value);
    else if (value >= 0 && value < 65536) this.#put(0x4d, ...littleEndian(value, 2));
    else if (value === (value | 0)) this.#put(0x4a, ...littleEndian(value, 4));
    else this.#long(BigInt(value));
  }

  #long(value: bigint): void {
    let width = 1;
    while (BigInt.asIntN(width * 8, value) !== value) width++;
    this.#put(0x8a, width, ...littleEndian(value, width));
  }

  #text(text: string): void {
    const known = this.#memo.get(text);
    if (known !== undefined) {
      if (known < 256) this.#put(0x68, known);
      else this.#put(0x6a, ...littleEndian(known, 4));
      return;
    }
    const bytes = utf8(text);
    if (this.protocol === 4 && bytes.length < 256) this.#put(0x8c, bytes.length);
    else this.#put(0x58, ...littleEndian(bytes.length, 4));
    this.parts.push(bytes);
    const index = this.#memo.size;
    this.#memo.set(text, index);
    if (this.protocol === 4) this.#put(0x94);
    else if (index < 256) this.#put(0x71, index);
    else this.#put(0x72, ...littleEndian(index, 4));
  }

  #list(items: readonly Py[]): void {
    this.#code("]");
    this.#code("(");
    for (const item of items) this.write(item);
    this.#code("e");
  }

  #items(items: readonly (readonly [Py, Py])[]): void {
    if (items.length === 0) return;
    this.#code("(");
    for (const [key, value] of items) {
      this.write(key);
      this.write(value);
    }
    this.#code("u");
  }

  #tuple(items: readonly Py[]): void {
    if (items.length > 3) this.#code("(");
    for (const item of items) this.write(item);
    if (items.length > 3) this.#code("t");
    else if (items.length > 0) this.#put(0x84 + items.length);
    else this.#code(")");
  }

  #global(module: string, name: string): void {
    if (this.protocol === 2) {
      this.parts.push(utf8(`c${module}\n${name}\n`));
      return;
    }
    this.#text(module);
    this.#text(name);
    this.#put(0x93);
  }
}
