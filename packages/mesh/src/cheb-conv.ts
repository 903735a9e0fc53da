import {
  add,
  concat,
  matmul,
  mulScalar,
  nn,
  reshape,
  ShapeError,
  type SparseCsr,
  sparseMatmul,
  sub,
  type Tensor,
  TensorError,
} from "@retinaface-webgpu/tensor/inference";

/** Rows of a sparse matrix's product with vertices first: [v, n, c] → [w, n, c]. */
export function applySparse(matrix: SparseCsr, x: Tensor): Tensor {
  const [vertices, batch, channels] = x.shape;
  const rows = sparseMatmul(matrix, reshape(x, [vertices, batch * channels]));
  return reshape(rows, [matrix.size[0], batch, channels]);
}

/**
 * Spectral graph convolution by Chebyshev polynomials of the scaled Laplacian L~ (Defferrard et al. 2016, "Convolutional
 * Neural Networks on Graphs with Fast Localized Spectral Filtering"): y = Σ_k T_k(L~) x W_k + b with T_0 = 1, T_1 = L~,
 * T_k = 2 L~ T_(k−1) − T_(k−2), so that a vertex sees those that are fewer than K edges away.
 *
 * @param x `[v, n, inChannels]`: vertices first, so that the Laplacian takes all meshes of a batch at once
 * @param laplacian `[v, v]` @param weight `[K, inChannels, outChannels]` @param bias `[outChannels]`
 * @returns `[v, n, outChannels]` @throws ShapeError naming the shapes that do not fit
 */
export function chebConv(x: Tensor, laplacian: SparseCsr, weight: Tensor, bias: Tensor): Tensor {
  const [K, inChannels, outChannels] = weight.shape;
  if (x.rank !== 3 || x.shape[2] !== inChannels || x.shape[0] !== laplacian.size[0]) {
    throw new ShapeError(
      `chebConv takes [${laplacian.size[0]}, n, ${inChannels}], not [${x.shape.join(", ")}]: vertices first`,
    );
  }
  const terms = [x];
  for (let k = 1; k < K; k++) {
    const next = applySparse(laplacian, terms[k - 1]);
    terms.push(k === 1 ? next : sub(mulScalar(next, 2), terms[k - 2]));
  }
  const rows = reshape(K > 1 ? concat(terms, 2) : x, [-1, K * inChannels]);
  const y = matmul(rows, reshape(weight, [K * inChannels, outChannels]));
  return add(reshape(y, [x.shape[0], x.shape[1], outChannels]), bias);
}

/** `chebConv` with its parameters. */
export class ChebConv extends nn.Module {
  /** [K, inChannels, outChannels]. */
  readonly weight: nn.Parameter;
  readonly bias: nn.Parameter;

  /** @param K how many polynomials, 1 at least @throws TensorError `ARGUMENT` for numbers that are none */
  constructor(init: nn.Init, inChannels: number, outChannels: number, K: number) {
    super();
    const counts = { inChannels, outChannels, K };
    for (const [name, value] of Object.entries(counts)) {
      if (Number.isInteger(value) && value > 0) continue;
      throw new TensorError(
        "ARGUMENT",
        `ChebConv: ${name} must be a positive integer, not ${value}.`,
      );
    }
    const fanIn = K * inChannels;
    this.weight = init.uniformByFanIn([K, inChannels, outChannels], fanIn);
    this.bias = init.uniformByFanIn([outChannels], fanIn);
  }

  override forward(x: Tensor, laplacian: SparseCsr): Tensor {
    return chebConv(x, laplacian, this.weight, this.bias);
  }
}
