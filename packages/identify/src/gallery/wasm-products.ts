import { matmul, panels, panelsLength } from "@retinaface-webgpu/kernels-wasm";
import type { Block, WasmEngine, WasmStep } from "@retinaface-webgpu/tensor/wasm";
import { filledPieces, type ProductInput, piecesOf, type RowProducts } from "./products.js";

const FLOAT = 4;
/** Operands begin at lines of a processor's cache. */
const LINE = 64;

interface HeldPiece {
  readonly block: Block;
  readonly count: number;
}

/** Rows in the memory of the engine for processors, 4 GiB at most. */
export class WasmProducts implements RowProducts {
  readonly #engine: WasmEngine;
  readonly #dimensions: number;
  readonly #pieces: readonly HeldPiece[];

  private constructor(engine: WasmEngine, dimensions: number, pieces: readonly HeldPiece[]) {
    this.#engine = engine;
    this.#dimensions = dimensions;
    this.#pieces = pieces;
  }

  /** @throws WasmOutOfMemoryError */
  static create(engine: WasmEngine, input: ProductInput): WasmProducts {
    const { dimensions } = input;
    const pieces: HeldPiece[] = [];
    try {
      for (const values of filledPieces(input, piecesOf(input))) {
        const block = engine.allocate(values.byteLength);
        pieces.push({ block, count: values.length / dimensions });
        engine.write(block, values);
      }
    } catch (error) {
      for (const { block } of pieces) engine.free(block);
      throw error;
    }
    return new WasmProducts(engine, dimensions, pieces);
  }

  async times(queries: Float32Array, count: number): Promise<Float32Array> {
    const packing = { batch: 1, rows: this.#dimensions, columns: count, transposed: true };
    const packedAt = roundUp(queries.byteLength);
    const productsAt = packedAt + roundUp(panelsLength(packing) * FLOAT);
    const input = { offset: 0 };
    const packed = { offset: packedAt };
    const steps: WasmStep[] = [{ kernel: panels(packing), places: { input, output: packed } }];
    let row = 0;
    for (const [i, piece] of this.#pieces.entries()) {
      const output = { offset: productsAt + row * count * FLOAT };
      const a = { offset: 0, block: piece.block };
      const spec = { batch: 1, rows: piece.count, depth: this.#dimensions, columns: count };
      steps.push({ kernel: matmul(spec), places: { a, panels: packed, output }, joins: i > 0 });
      row += piece.count;
    }
    const bytes = row * count * FLOAT;
    const [products] = await this.#engine.run({
      bytes: productsAt + bytes,
      steps,
      writes: [{ place: input, data: queries }],
      reads: [{ place: { offset: productsAt }, bytes }],
    });
    return new Float32Array(products);
  }

  dispose(): void {
    for (const { block } of this.#pieces) this.#engine.free(block);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE;
}
