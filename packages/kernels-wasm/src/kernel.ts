import { Head, JOINS, type Opcode } from "./records.js";

/** A place in a step's record that takes the address of an operand. */
export interface OperandSlot {
  /** Which operand: `input`, `output`, `packed` and what else a kernel says. */
  readonly operand: string;
  readonly field: number;
  /** Bytes from the operand's start. */
  readonly offset: number;
}

/** One step as plain data: its record, in which addresses are still missing. */
export interface Kernel {
  readonly name: string;
  readonly words: Int32Array;
  readonly operands: readonly OperandSlot[];
  /**
   * Where the address of the threads' own memory goes, and in the word behind it the bytes from one thread's to the
   * next's; and the bytes that each of them needs.
   */
  readonly scratch?: { readonly field: number; readonly bytes: number };
  /** Floating-point operations, a multiply-add counting 2. */
  readonly flops: number;
}

/** Several steps, one after the other. */
export interface KernelSequence {
  readonly kernels: readonly Kernel[];
  /** Floats of the operand `scratch`: what the steps leave for one another. */
  readonly scratchLength: number;
}

/**
 * Floats and bytes beyond the end of an operand that kernels may read (never write): they load four
 * floats at a time. Leave as much room behind the last operand in memory.
 */
export const SLACK_BYTES = 64;

/** Of a processor's cache. */
const LINE_BYTES = 64;

/** Bytes of zeros that a team of threads needs to meet. */
export const TEAM_BYTES = 64;

/**
 * Floats of 64 bits in which a thread takes down milliseconds, where the team's place says where: when it began, then for each
 * step when it had nothing more to do and when all had come.
 */
export function marksLength(steps: number): number {
  return 1 + 2 * steps;
}

/** What a kernel's record consists of. */
export interface RecordParts {
  readonly name: string;
  readonly opcode: Opcode;
  /** Words of the record. */
  readonly size: number;
  readonly chunks: number;
  /** Integers by field. */
  readonly integers: Readonly<Record<number, number>>;
  /** Floats by field. */
  readonly floats?: Readonly<Record<number, number>>;
  readonly operands: readonly OperandSlot[];
  readonly scratch?: Kernel["scratch"] | undefined;
  readonly flops: number;
}

/** Writes a record. */
export function defineKernel(parts: RecordParts): Kernel {
  const { name, opcode, size, chunks, integers, floats = {}, operands, scratch, flops } = parts;
  const words = new Int32Array(size);
  const singles = new Float32Array(words.buffer);
  for (let field = 0; field < size; field++) {
    if (integers[field] !== undefined) words[field] = integers[field];
    if (floats[field] !== undefined) singles[field] = floats[field];
  }
  words[Head.words] = size;
  words[Head.opcode] = opcode;
  words[Head.chunks] = chunks;
  return { name, words, operands, ...(scratch ? { scratch } : {}), flops };
}

/** A kernel in a program. */
export interface ProgramStep {
  readonly kernel: Kernel;
  readonly addressOf: (operand: string) => number;
  /**
   * It may run while the step before it, and those that this one joins, are unfinished: it reads nothing that they
   * write, and writes nothing that they read or write. Threads then need not wait for each other in between.
   */
  readonly joins?: boolean | undefined;
}

/**
 * Bytes of a thread's own memory in a program: the same in every step, as threads may be at different ones, where a
 * smaller piece of one would lie in a larger of another.
 */
export function threadBytes(steps: readonly { readonly kernel: Kernel }[]): number {
  const most = Math.max(0, ...steps.map(({ kernel }) => kernel.scratch?.bytes ?? 0));
  return Math.ceil(most / LINE_BYTES) * LINE_BYTES;
}

/**
 * Writes steps one after the other, with the addresses of their operands.
 *
 * @param scratch address of the threads' own memory: `threads` times `threadBytes(steps)`
 */
export function encodeProgram(steps: readonly ProgramStep[], scratch: number): Int32Array {
  const length = steps.reduce((total, { kernel }) => total + kernel.words.length, 0);
  const program = new Int32Array(length + Head.size);
  const stride = threadBytes(steps);
  let at = 0;
  for (const [i, { kernel, addressOf, joins }] of steps.entries()) {
    program.set(kernel.words, at);
    if (joins && i > 0) program[at + Head.opcode] += JOINS;
    for (const { operand, field, offset } of kernel.operands) {
      program[at + field] = addressOf(operand) + offset;
    }
    if (kernel.scratch) program.set([scratch, stride], at + kernel.scratch.field);
    at += kernel.words.length;
  }
  return program;
}

/** Rows of a chunk such that it touches about `floats` floats. */
export function rowsFor(floats: number, width: number): number {
  return Math.max(1, Math.floor(floats / width));
}
