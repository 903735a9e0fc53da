import { type ByteReader, decodeUtf8 } from "./byte-reader.js";
import { corrupt, quote, unsafe, unsupported } from "./errors.js";

/**
 * A small pickle machine (https://docs.python.org/3/library/pickletools.html) that builds plain data
 * and never calls anything but the functions its host allows. Opcodes outside its table, globals
 * outside the host's list, and `BUILD` on anything but a dictionary are refused. Work and memory are
 * linear in the pickle's length: nothing recurses, and no opcode copies more than it takes off the stack.
 */

/** A Python tuple. */
export class PyTuple {
  constructor(readonly items: readonly PyValue[]) {}
}

/** A Python list. */
export class PyList {
  readonly items: PyValue[] = [];
}

/** An allowed global: a name, and what `REDUCE` does with it where that is allowed. */
export class PyGlobal {
  constructor(
    readonly name: string,
    readonly call?: (args: readonly PyValue[]) => PyValue,
  ) {}
}

/** Base of the host's own objects, which the machine carries about without looking in. */
export abstract class PyOpaque {
  /** Tells the class from other shapes. */
  abstract readonly kind: string;
}

/** A Python dictionary; keys are compared as a `Map` does. */
export type PyDict = Map<PyValue, PyValue>;

export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyTuple
  | PyList
  | PyGlobal
  | PyOpaque
  | PyDict;

/** What a pickle may reach outside itself. */
export interface PickleHost {
  /** The global `module.name`; throws where it is not allowed. */
  global(module: string, name: string): PyGlobal;
  /** The object a persistent id stands for; throws where it is not known. */
  persistent(id: PyValue): PyValue;
}

/** A host that allows nothing. */
export const PLAIN_DATA: PickleHost = {
  global: (module, name) => {
    throw unsafe(`The pickle asks for ${quote(`${module}.${name}`)}.`);
  },
  persistent: () => {
    throw unsafe("The pickle refers to an object outside itself.");
  },
};

const MARK = Symbol("mark");
type StackItem = PyValue | typeof MARK;

const MAX_NAME_BYTES = 1024;

class Machine {
  readonly #stack: StackItem[] = [];
  readonly #memo = new Map<number, PyValue>();

  constructor(
    readonly reader: ByteReader,
    readonly host: PickleHost,
  ) {}

  push(value: StackItem): void {
    this.#stack.push(value);
  }

  /** The top of the stack, left there. */
  top(): PyValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw corrupt("The pickle's stack is empty.");
    return value;
  }

  pop(): PyValue {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  popString(): string {
    const value = this.pop();
    if (typeof value !== "string")
      throw corrupt("The pickle names a global by something else than text.");
    return value;
  }

  /** Everything above the last mark, which is removed too. */
  popToMark(): PyValue[] {
    const start = this.#stack.lastIndexOf(MARK);
    if (start < 0) throw corrupt("The pickle's stack has no mark.");
    const values = this.#stack.splice(start).slice(1);
    return values as PyValue[];
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw corrupt(`The pickle recalls ${index}, which it never stored.`);
    this.push(value);
  }

  pushTuple(length: number): void {
    const items: PyValue[] = [];
    for (let i = 0; i < length; i++) items.unshift(this.pop());
    this.push(new PyTuple(items));
  }

  append(values: readonly PyValue[]): void {
    const list = this.top();
    if (!(list instanceof PyList))
      throw corrupt("The pickle appends to something else than a list.");
    for (const value of values) list.items.push(value);
  }

  setItems(pairs: readonly PyValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map))
      throw corrupt("The pickle sets items of something else than a dictionary.");
    if (pairs.length % 2) throw corrupt("The pickle sets a key without a value.");
    for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1]);
  }

  reduce(): void {
    const args = this.pop();
    const callable = this.pop();
    if (!(callable instanceof PyGlobal && callable.call)) {
      throw unsafe("The pickle calls something that is not a tensor's constructor.");
    }
    if (!(args instanceof PyTuple)) throw corrupt(`${callable.name} is called without a tuple.`);
    this.push(callable.call(args.items));
  }

  /** Attributes of an ordered dictionary (PyTorch's `_metadata`) carry no tensors and are dropped. */
  build(): void {
    const state = this.pop();
    if (!(this.top() instanceof Map && state instanceof Map)) {
      throw unsafe("The pickle sets the state of an object.");
    }
  }

  /** LONG1: a signed little-endian integer of up to 255 bytes. */
  pushLong(): void {
    const bytes = this.reader.take(this.reader.u8());
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    value = BigInt.asIntN(bytes.length * 8, value);
    const number = Number(value);
    this.push(Number.isSafeInteger(number) ? number : value);
  }
}

type Opcode = (machine: Machine) => void;

const pushText =
  (length: (reader: ByteReader) => number): Opcode =>
  (m) =>
    m.push(decodeUtf8(m.reader.take(length(m.reader))));

/** The allow-list, by opcode byte. */
const OPCODES = new Map<number, Opcode>([
  // PROTO, FRAME
  [0x80, ({ reader }) => checkProtocol(reader.u8())],
  [0x95, ({ reader }) => void reader.u64()],
  // MARK, EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT, TUPLE, TUPLE1, TUPLE2, TUPLE3
  [0x28, (m) => m.push(MARK)],
  [0x29, (m) => m.push(new PyTuple([]))],
  [0x5d, (m) => m.push(new PyList())],
  [0x7d, (m) => m.push(new Map())],
  [0x74, (m) => m.push(new PyTuple(m.popToMark()))],
  [0x85, (m) => m.pushTuple(1)],
  [0x86, (m) => m.pushTuple(2)],
  [0x87, (m) => m.pushTuple(3)],
  // APPEND, APPENDS, SETITEM, SETITEMS
  [0x61, (m) => m.append([m.pop()])],
  [0x65, (m) => m.append(m.popToMark())],
  [0x73, (m) => m.setItems([m.pop(), m.pop()].reverse())],
  [0x75, (m) => m.setItems(m.popToMark())],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  [0x4a, (m) => m.push(m.reader.i32())],
  [0x4b, (m) => m.push(m.reader.u8())],
  [0x4d, (m) => m.push(m.reader.u16())],
  [0x8a, (m) => m.pushLong()],
  [0x47, (m) => m.push(m.reader.f64BigEndian())],
  // BINUNICODE, SHORT_BINUNICODE, and Python 2's SHORT_BINSTRING, BINSTRING
  [0x58, pushText((reader) => reader.u32())],
  [0x8c, pushText((reader) => reader.u8())],
  [0x55, pushText((reader) => reader.u8())],
  [0x54, pushText((reader) => reader.u32())],
  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  [0x71, (m) => m.remember(m.reader.u8())],
  [0x72, (m) => m.remember(m.reader.u32())],
  [0x94, (m) => m.rememberNext()],
  [0x68, (m) => m.recall(m.reader.u8())],
  [0x6a, (m) => m.recall(m.reader.u32())],
  // GLOBAL, STACK_GLOBAL
  [
    0x63,
    (m) => m.push(m.host.global(m.reader.line(MAX_NAME_BYTES), m.reader.line(MAX_NAME_BYTES))),
  ],
  [0x93, pushStackGlobal],
  // BINPERSID, REDUCE, BUILD
  [0x51, (m) => m.push(m.host.persistent(m.pop()))],
  [0x52, (m) => m.reduce()],
  [0x62, (m) => m.build()],
]);

const STOP = 0x2e;

/** Opcodes that make objects of arbitrary classes, refused by name. */
const EXECUTING = new Map([
  [0x69, "INST"],
  [0x6f, "OBJ"],
  [0x81, "NEWOBJ"],
  [0x92, "NEWOBJ_EX"],
  [0x82, "EXT1"],
  [0x83, "EXT2"],
  [0x84, "EXT4"],
  [0x50, "PERSID"],
]);

function checkProtocol(protocol: number): void {
  if (protocol < 2 || protocol > 5)
    throw unsupported(`Pickle protocol ${protocol} is not read, only 2 to 5.`);
}

function pushStackGlobal(machine: Machine): void {
  const name = machine.popString();
  const module = machine.popString();
  machine.push(machine.host.global(module, name));
}

/**
 * Runs one pickle from the reader's position to its STOP, where the reader is left.
 *
 * @throws CheckpointError where it is damaged or asks for more than `host` allows
 */
export function unpickle(reader: ByteReader, host: PickleHost): PyValue {
  const machine = new Machine(reader, host);
  for (;;) {
    const at = reader.position;
    const code = reader.u8();
    if (code === STOP) return machine.pop();
    const opcode = OPCODES.get(code);
    if (opcode) opcode(machine);
    else if (EXECUTING.has(code)) throw unsafe(`The pickle holds ${EXECUTING.get(code)} at ${at}.`);
    else
      throw corrupt(
        `Byte ${at} of the pickle, 0x${code.toString(16)}, is no opcode of a checkpoint.`,
      );
  }
}
