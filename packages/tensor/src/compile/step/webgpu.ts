/**
 * A step's graph as WGSL dispatches: what each operation's own `forward` records, with operands in place of
 * memory. Packed weights are taken down apart, so that all of them can be made at once (`packs.ts`).
 */
import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { bytesPerElement } from "../../core/dtype.js";
import { TensorError } from "../../core/errors.js";
import { tidy } from "../../core/scope.js";
import { Tensor } from "../../core/tensor.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import { forStorage } from "../../ops/half.js";
import type { OpRun, PackedRoom } from "../../ops/spec.js";
import { roundUp, type Scratch } from "../steps.js";
import { rootOf, type StepNode, type StepValue } from "./graph.js";

/** Weights to be packed before the run. */
export interface Packed {
  readonly kernel: Kernel;
  readonly sources: readonly Tensor[];
  readonly room: PackedRoom;
}

/** A value, or a part of what a node needs besides. */
export type Operand =
  | StepValue
  | { readonly part: Scratch | Packed; readonly offset: number; readonly bytes: number };

/** One dispatch, its operands not yet in memory. */
export interface StepDispatch {
  readonly kernel: Kernel;
  readonly operands: readonly Operand[];
  /** Where its parameters may differ at each run: the node, and which of its dispatches this is. */
  readonly varies?: { readonly node: StepNode; readonly index: number };
}

/** Lowers nodes one after the other. */
export class Lowering {
  readonly packs: Packed[] = [];
  readonly #device: Device;
  readonly #isConstant: (tensor: Tensor) => boolean;
  /** The packed weights of an earlier use, by kernel and sources. */
  readonly #known = new Map<string, Packed>();
  readonly #ids = new Map<Tensor, number>();

  /** @param isConstant whether no node writes a tensor's memory before the forward pass has read it */
  constructor(device: Device, isConstant: (tensor: Tensor) => boolean) {
    this.#device = device;
    this.#isConstant = isConstant;
  }

  /** The dispatches of a node. */
  lower(node: StepNode): StepDispatch[] {
    const dispatches = this.#take(node);
    if (!node.varies) return dispatches;
    return dispatches.map((dispatch, index) => ({ ...dispatch, varies: { node, index } }));
  }

  /** The kernels of a node as its attributes are now. */
  kernels(node: StepNode): Kernel[] {
    return this.#take(node).map(({ kernel }) => kernel);
  }

  #take(node: StepNode): StepDispatch[] {
    if (node.op.alias) return [];
    const dispatches: StepDispatch[] = [];
    const values = new Map<Tensor, StepValue>();
    const parts = new Map<GPUBuffer, Scratch | Packed>();
    const standIn = (value: StepValue): Tensor => {
      const tensor = new Tensor(this.#device, value.info, { info: value.info });
      values.set(tensor, value);
      return tensor;
    };
    const reserve = (part: Scratch | Packed, size: number): BufferBinding => {
      const buffer = { label: "of a plan" } as GPUBuffer;
      parts.set(buffer, part);
      return { buffer, offset: 0, size };
    };
    const operandOf = (arg: Tensor | BufferBinding): Operand => {
      if (arg instanceof Tensor) {
        const value = values.get(arg);
        if (value) return value;
        // A tensor with memory that is not an operand: a table that the operation keeps.
        return { info: arg, users: [], memory: arg };
      }
      const part = parts.get(arg.buffer);
      if (!part) throw new TensorError("TRACED", foreignBuffer(node.op.name));
      return { part, offset: arg.offset ?? 0, bytes: arg.size ?? 0 };
    };
    const run: OpRun = {
      device: this.#device,
      kernel: (kernel, args) =>
        dispatches.push({ kernel: forStorage(kernel, args), operands: args.map(operandOf) }),
      scratch: (elements, dtype = "f32") => {
        const scratchBytes = roundUp(elements * bytesPerElement(dtype));
        return reserve({ scratchBytes }, scratchBytes);
      },
      pack: (kernel, args, room) => {
        const sources = args.map((arg) => rootOf(values.get(arg)!).memory);
        if (sources.every((tensor) => tensor && this.#isConstant(tensor))) {
          return reserve(this.#pack(kernel, sources as Tensor[], room), room.elements * 4);
        }
        const packed = run.scratch(room.elements);
        run.kernel(kernel, [...args, packed]);
        return packed;
      },
    };
    tidy(() =>
      node.op.forward(run, node.inputs.map(standIn), node.outputs.map(standIn), node.attrs),
    );
    return dispatches;
  }

  #pack(kernel: Kernel, sources: readonly Tensor[], room: PackedRoom): Packed {
    const key = `${layoutKey(kernel)}|${room.elements}|${sources.map((tensor) => this.#id(tensor))}`;
    let packed = this.#known.get(key);
    if (!packed) {
      packed = { kernel, sources, room };
      this.#known.set(key, packed);
      this.packs.push(packed);
    }
    return packed;
  }

  #id(tensor: Tensor): number {
    const known = this.#ids.get(tensor);
    if (known !== undefined) return known;
    this.#ids.set(tensor, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** What a packing kernel does with its sources: its text and its parameters. */
export function layoutKey({ wgsl, params }: Kernel): string {
  return `${wgsl}|${new Uint32Array(params ?? new ArrayBuffer(0)).join()}`;
}

function foreignBuffer(name: string): string {
  return (
    `${name}: forward() bound a buffer that is none of its tensors and not from scratch(): a compiled step ` +
    "cannot place it. Take temporary memory from run.scratch()."
  );
}
