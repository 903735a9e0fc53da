import {
  add,
  keep,
  narrow,
  nn,
  permute,
  relu,
  reshape,
  ShapeError,
  type SparseCsr,
  sigmoid,
  type Tensor,
  TensorError,
  tensor,
} from "@retinaface-webgpu/tensor/inference";
import { applySparse, ChebConv } from "./cheb-conv.js";
import { disposeCsr, uploadCsr } from "./sparse.js";
import { faceTemplate } from "./template/face.js";
import type { MeshTemplate } from "./template/template.js";

/** Options of `MeshDecoder`. */
export interface MeshDecoderOptions {
  /** Default: the face. */
  readonly template?: MeshTemplate | undefined;
  /** Numbers of a code; default 128. */
  readonly codeLength?: number | undefined;
  /** Of the vertices, from the coarsest mesh to the finest; default 32, 32, 32, 16, 16. */
  readonly channels?: readonly number[] | undefined;
  /** Chebyshev polynomials of a convolution; default 3. */
  readonly K?: number | undefined;
}

/** Meshes: where their vertices are, and which colours they have. */
export interface DecodedMeshes {
  /** [n, v, 3], in the template's space. */
  readonly vertices: Tensor;
  /** [n, v, 3]: red, green and blue without light, 0 to 1. */
  readonly colours: Tensor;
}

/** Shape and colour of a vertex. */
const NUMBERS = 6;

/**
 * The mesh decoder of RetinaFace (Deng et al. 2019), built as Ranjan et al. 2018 build theirs: a code becomes values of
 * the coarsest mesh's vertices, which go up mesh by mesh, each time by a fixed sparse matrix, a convolution and a ReLU. A
 * last convolution gives how far each vertex is from the template's, and its colour before a sigmoid.
 */
export class MeshDecoder extends nn.Module {
  readonly fc: nn.Linear;
  readonly convs: ChebConv[];
  readonly head: ChebConv;
  readonly #template: MeshTemplate;
  readonly #channels: readonly number[];
  readonly #laplacians: SparseCsr[];
  readonly #ups: SparseCsr[];
  readonly #mean: Tensor;

  /** @throws TensorError `ARGUMENT` unless there are as many channels as the template has meshes */
  constructor(init: nn.Init, options: MeshDecoderOptions = {}) {
    super();
    const { template = faceTemplate(), codeLength = 128, K = 3 } = options;
    const { channels = [32, 32, 32, 16, 16] } = options;
    const { levels } = template;
    if (channels.length !== levels.length) {
      throw new TensorError(
        "ARGUMENT",
        `MeshDecoder: ${channels.length} numbers of channels for a template of ${levels.length} meshes; give one each.`,
      );
    }
    const { device } = init;
    const coarsest = levels[levels.length - 1];
    this.#template = template;
    this.#channels = channels;
    this.fc = new nn.Linear(init, codeLength, coarsest.vertices * channels[0]);
    this.convs = channels.slice(1).map((out, i) => new ChebConv(init, channels[i], out, K));
    this.head = new ChebConv(init, channels[channels.length - 1], NUMBERS, K);
    this.#laplacians = levels.map(({ laplacian }) => uploadCsr(device, laplacian));
    this.#ups = levels.flatMap(({ up }) => (up ? [uploadCsr(device, up)] : []));
    const [{ positions, vertices }] = levels;
    this.#mean = keep(tensor(device, positions, [vertices, 1, 3]));
  }

  get template(): MeshTemplate {
    return this.#template;
  }

  /** @param code `[n, codeLength]` @throws ShapeError for a code of another shape */
  override forward(code: Tensor): DecodedMeshes {
    const codeLength = this.fc.weight.shape[1];
    if (code.rank !== 2 || code.shape[1] !== codeLength) {
      throw new ShapeError(
        `MeshDecoder takes codes [n, ${codeLength}], not [${code.shape.join(", ")}]`,
      );
    }
    const [first] = this.#channels;
    const batch = code.shape[0];
    let x = permute(reshape(relu(this.fc.forward(code)), [batch, -1, first]), [1, 0, 2]);
    for (const [i, conv] of this.convs.entries()) {
      const finer = this.#ups.length - 1 - i;
      x = relu(conv.forward(applySparse(this.#ups[finer], x), this.#laplacians[finer]));
    }
    const y = this.head.forward(x, this.#laplacians[0]);
    const vertices = add(narrow(y, 2, 0, 3), this.#mean);
    const colours = sigmoid(narrow(y, 2, 3, 3));
    return { vertices: permute(vertices, [1, 0, 2]), colours: permute(colours, [1, 0, 2]) };
  }

  override dispose(): void {
    super.dispose();
    for (const matrix of [...this.#laplacians, ...this.#ups]) disposeCsr(matrix);
    this.#mean.dispose();
  }
}
