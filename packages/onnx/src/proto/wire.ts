/**
 * Protobuf messages by tables of their fields. The wire format is @bufbuild/protobuf's; here are only the loops over a
 * table, so that nothing generated lies in the repository and what a model does not need is passed over unread.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { OnnxError } from "../errors.js";

type Scalar = "int32" | "int64" | "uint64" | "float" | "double" | "string" | "bytes";

/** A field: its number, what it holds, and whether there may be several. */
export interface Field {
  readonly no: number;
  readonly type: Scalar | Schema<unknown>;
  readonly repeated?: boolean;
}

/** A message's fields by name. `Message` is what it is read as: lists are never absent. */
export interface Schema<Message> {
  readonly fields: Readonly<Record<string, Field>>;
  /** Never set: carries the type. */
  readonly message?: Message;
}

export function schema<Message>(fields: Readonly<Record<keyof Message, Field>>): Schema<Message> {
  return { fields: fields as Readonly<Record<string, Field>> };
}

const WIRE: Readonly<Record<Scalar, WireType>> = {
  int32: WireType.Varint,
  int64: WireType.Varint,
  uint64: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
};

/** Most of a message nests five deep. */
type Plain = Record<string, unknown>;

/** @throws OnnxError `ONNX_FORMAT` for bytes that are no such message, or only a part of one */
export function decode<Message>(of: Schema<Message>, bytes: Uint8Array): Message {
  try {
    return read(new BinaryReader(bytes), of, bytes.length) as Message;
  } catch (error) {
    if (error instanceof OnnxError) throw error;
    throw new OnnxError(
      "ONNX_FORMAT",
      `This is no ONNX file, or only a part of one (${(error as Error).message}): export or download it again.`,
      { cause: error },
    );
  }
}

function read(reader: BinaryReader, { fields }: Schema<unknown>, end: number): Plain {
  const message: Plain = {};
  const byNumber = new Map<number, [string, Field]>();
  for (const [name, field] of Object.entries(fields)) {
    byNumber.set(field.no, [name, field]);
    if (field.repeated) message[name] = [];
  }
  while (reader.pos < end) {
    const [no, wire] = reader.tag();
    const known = byNumber.get(no);
    if (wire === WireType.StartGroup || wire === WireType.EndGroup) throw new Error("a group");
    if (known) readField(reader, message, known, wire);
    else reader.skip(wire);
  }
  if (reader.pos !== end) throw new Error("a field is cut off");
  return message;
}

function readField(
  reader: BinaryReader,
  message: Plain,
  [name, { type, repeated }]: [string, Field],
  wire: WireType,
): void {
  const list = repeated ? (message[name] as unknown[]) : undefined;
  if (typeof type !== "string") {
    if (wire !== WireType.LengthDelimited) throw new Error(`${name} is no message`);
    const value = read(reader, type, endOf(reader));
    if (list) list.push(value);
    else message[name] = value;
    return;
  }
  const isPacked = wire === WireType.LengthDelimited && WIRE[type] !== wire;
  if (list && isPacked) {
    for (const end = endOf(reader); reader.pos < end; ) list.push(readScalar(reader, type));
    return;
  }
  if (wire !== WIRE[type]) throw new Error(`${name} is no ${type}`);
  const value = readScalar(reader, type);
  if (list) list.push(value);
  else message[name] = value;
}

/** Where what begins here with its length ends. */
function endOf(reader: BinaryReader): number {
  const length = reader.uint32();
  if (length > reader.len - reader.pos) throw new Error("a field is cut off");
  return reader.pos + length;
}

/** Integers of 64 bits become doubles: exact up to 2⁵³. */
function readScalar(reader: BinaryReader, type: Scalar): unknown {
  if (type === "int64" || type === "uint64") return Number(reader[type]());
  return reader[type]();
}

/** The bytes of a message; the inverse of {@link decode}, but for fields that the table does not have. */
export function encode<Message>(of: Schema<Message>, message: Message): Uint8Array {
  const writer = new BinaryWriter();
  write(writer, of, message as Plain);
  return writer.finish();
}

function write(writer: BinaryWriter, { fields }: Schema<unknown>, message: Plain): void {
  for (const [name, { no, type, repeated }] of Object.entries(fields)) {
    const value = message[name];
    if (value === undefined) continue;
    const values = repeated ? (value as readonly unknown[]) : [value];
    if (typeof type !== "string") {
      for (const each of values) {
        writer.tag(no, WireType.LengthDelimited).fork();
        write(writer, type, each as Plain);
        writer.join();
      }
    } else if (repeated && WIRE[type] !== WireType.LengthDelimited) {
      if (values.length === 0) continue;
      writer.tag(no, WireType.LengthDelimited).fork();
      for (const each of values) writeScalar(writer, type, each);
      writer.join();
    } else {
      for (const each of values) writeScalar(writer.tag(no, WIRE[type]), type, each);
    }
  }
}

const LARGEST = 2n ** 63n - 1n;

function writeScalar(writer: BinaryWriter, type: Scalar, value: unknown): void {
  if (type !== "int64" && type !== "uint64") {
    writer[type](value as never);
    return;
  }
  const whole = BigInt(value as number);
  writer[type](type === "int64" && whole > LARGEST ? LARGEST : whole);
}
