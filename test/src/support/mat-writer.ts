import { zlibSync } from "fflate";

/** What {@link writeMat} can write: numbers in column-major order, text, cells, a struct. */
export type MatInput =
  | { dims: number[]; data: number[]; type?: "double" | "uint16" | "int64" }
  | string
  | MatInput[]
  | { fields: Record<string, MatInput> };

interface MatStyle {
  compressed: boolean;
  littleEndian: boolean;
}

class Bytes {
  readonly parts: number[] = [];

  constructor(readonly littleEndian: boolean) {}

  put(width: 1 | 2 | 4 | 8, kind: "Uint" | "Float" | "BigInt", value: number): void {
    const view = new DataView(new ArrayBuffer(width));
    if (kind === "Float") view.setFloat64(0, value, this.littleEndian);
    else if (kind === "BigInt") view.setBigInt64(0, BigInt(value), this.littleEndian);
    else if (width === 1) view.setUint8(0, value);
    else if (width === 2) view.setUint16(0, value, this.littleEndian);
    else view.setUint32(0, value, this.littleEndian);
    this.parts.push(...new Uint8Array(view.buffer));
  }

  /** An element: short form where the content fits in four bytes. */
  element(type: number, content: readonly number[], allowShort = true): void {
    if (allowShort && content.length > 0 && content.length <= 4) {
      this.put(4, "Uint", (content.length << 16) | type);
      this.parts.push(...content, ...Array<number>(4 - content.length).fill(0));
      return;
    }
    this.put(4, "Uint", type);
    this.put(4, "Uint", content.length);
    this.parts.push(...content, ...Array<number>((8 - (content.length % 8)) % 8).fill(0));
  }
}

function matrix(name: string, value: MatInput, littleEndian: boolean): number[] {
  const body = new Bytes(littleEndian);
  const header = (matlabClass: number, dims: number[]) => {
    const flags = new Bytes(littleEndian);
    flags.put(4, "Uint", matlabClass);
    flags.put(4, "Uint", 0);
    body.element(6, flags.parts);
    const sizes = new Bytes(littleEndian);
    for (const dim of dims) sizes.put(4, "Uint", dim);
    body.element(5, sizes.parts);
    body.element(1, [...new TextEncoder().encode(name)]);
  };
  const content = new Bytes(littleEndian);
  if (typeof value === "string") {
    header(4, [1, value.length]);
    for (const char of value) content.put(2, "Uint", char.charCodeAt(0));
    body.element(4, content.parts);
  } else if (Array.isArray(value)) {
    header(1, [value.length, 1]);
    for (const member of value) body.element(14, matrix("", member, littleEndian), false);
  } else if ("fields" in value) {
    header(2, [1, 1]);
    content.put(4, "Uint", 8);
    body.element(5, content.parts);
    const keys = Object.keys(value.fields);
    body.element(1, [...new TextEncoder().encode(keys.map((k) => k.padEnd(8, "\0")).join(""))]);
    for (const key of keys) body.element(14, matrix("", value.fields[key], littleEndian), false);
  } else {
    header(6, value.dims);
    const [type, width, kind] = {
      double: [9, 8, "Float"] as const,
      uint16: [4, 2, "Uint"] as const,
      int64: [12, 8, "BigInt"] as const,
    }[value.type ?? "double"];
    for (const number of value.data) content.put(width, kind, number);
    body.element(type, content.parts);
  }
  return body.parts;
}

/** A MATLAB 5 file with these variables. */
export function writeMat(
  variables: Record<string, MatInput>,
  style: MatStyle = { compressed: true, littleEndian: true },
): Uint8Array {
  const { littleEndian } = style;
  const file = new Bytes(littleEndian);
  file.parts.push(...new TextEncoder().encode("MATLAB 5.0 MAT-file".padEnd(124, " ")));
  file.put(2, "Uint", 0x0100);
  file.put(2, "Uint", 0x4d49);
  for (const [name, value] of Object.entries(variables)) {
    const plain = new Bytes(littleEndian);
    plain.element(14, matrix(name, value, littleEndian), false);
    if (style.compressed) {
      const packed = zlibSync(Uint8Array.from(plain.parts));
      file.put(4, "Uint", 15);
      file.put(4, "Uint", packed.length);
      file.parts.push(...packed);
    } else file.parts.push(...plain.parts);
  }
  return Uint8Array.from(file.parts);
}
