/** RetinaNet (Lin et al. 2017) in float64, from a state dict under torchvision's names, on the tape of `tape.ts`. */
import { ReferenceRetinaFace, type ReferenceWeights } from "./retinaface.js";
import * as t from "./tape.js";

const MEAN_BGR = [104, 117, 123];
const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225];

/** What torchvision's transform makes of pixels that this library has as B, G, R less the mean. */
export function imagenetInput(shape: readonly number[], bgr: ArrayLike<number>): t.Var {
  const values = Float64Array.from(bgr, (_, i) => {
    const channel = i % 3;
    const from = i - channel + (2 - channel);
    const pixel = (bgr[from] + MEAN_BGR[2 - channel]) / 255;
    return (pixel - IMAGENET_MEAN[channel]) / IMAGENET_DEVIATION[channel];
  });
  return t.leaf(shape, values);
}

/** (x − mean) / √(variance + 1e-5) over each image's groups of channels; without gradient. */
function groupNorm(x: t.Var, groups: number, gamma: t.Var, beta: t.Var): t.Var {
  const [batch, rows, columns, channels] = x.shape;
  const wide = channels / groups;
  const data = new Float64Array(x.data.length);
  const places = (n: number, group: number) =>
    Array.from({ length: rows * columns * wide }, (_, i) => {
      const pixel = n * rows * columns + Math.floor(i / wide);
      return pixel * channels + group * wide + (i % wide);
    });
  for (let n = 0; n < batch; n++) {
    for (let group = 0; group < groups; group++) {
      const own = places(n, group);
      const mean = own.reduce((sum, i) => sum + x.data[i], 0) / own.length;
      const spread = own.reduce((sum, i) => sum + (x.data[i] - mean) ** 2, 0) / own.length;
      for (const i of own) {
        const normal = (x.data[i] - mean) / Math.sqrt(spread + 1e-5);
        data[i] = normal * gamma.data[i % channels] + beta.data[i % channels];
      }
    }
  }
  return t.leaf(x.shape, data);
}

/** 3×3 of stride 2, padded by 1; without gradient. */
function maxPool(x: t.Var): t.Var {
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  const data = new Float64Array(batch * rows * columns * channels).fill(Number.NEGATIVE_INFINITY);
  for (const [i] of data.entries()) {
    const c = i % channels;
    const column = Math.floor(i / channels) % columns;
    const row = Math.floor(i / channels / columns) % rows;
    const n = Math.floor(i / channels / columns / rows);
    for (let y = 2 * row - 1; y <= 2 * row + 1; y++) {
      for (let xx = 2 * column - 1; xx <= 2 * column + 1; xx++) {
        if (y < 0 || xx < 0 || y >= height || xx >= width) continue;
        data[i] = Math.max(data[i], x.data[((n * height + y) * width + xx) * channels + c]);
      }
    }
  }
  return t.leaf([batch, rows, columns, channels], data);
}

/** ResNet-18 (He et al. 2016): the maps behind its four layers. */
export function resnet18(weights: ReferenceWeights, image: t.Var): t.Var[] {
  const leaf = (name: string) => t.leaf(weights.get(name)!.shape, weights.get(name)!.data);
  const convNorm = (x: t.Var, conv: string, norm: string, stride: number, padding: number) => {
    const y = t.conv2d(x, leaf(`body.${conv}.weight`), undefined, { stride, padding });
    const running = {
      mean: weights.get(`body.${norm}.running_mean`)!.data,
      variance: weights.get(`body.${norm}.running_var`)!.data,
    };
    return t.batchNorm(y, leaf(`body.${norm}.weight`), leaf(`body.${norm}.bias`), running, false);
  };
  let x = maxPool(t.leakyRelu(convNorm(image, "conv1", "bn1", 2, 3), 0));
  return [1, 2, 3, 4].map((layer) => {
    for (const block of [0, 1]) {
      const name = `layer${layer}.${block}`;
      const stride = block === 0 && layer > 1 ? 2 : 1;
      const y = t.leakyRelu(convNorm(x, `${name}.conv1`, `${name}.bn1`, stride, 1), 0);
      const sum = convNorm(y, `${name}.conv2`, `${name}.bn2`, 1, 1);
      const past =
        stride === 2 ? convNorm(x, `${name}.downsample.0`, `${name}.downsample.1`, 2, 0) : x;
      x = t.leakyRelu(t.add(sum, past), 0);
    }
    return x;
  });
}

/** Which of the published variants. */
export interface RetinaNetVariant {
  readonly p6: "C5" | "P5";
  readonly groups?: number;
}

/** RetinaNet over MobileNetV1. */
export class ReferenceRetinaNet {
  readonly #parts: ReferenceRetinaFace;
  readonly #variant: RetinaNetVariant;

  constructor(weights: ReferenceWeights, variant: RetinaNetVariant) {
    this.#parts = new ReferenceRetinaFace(weights, () => false);
    this.#variant = variant;
  }

  /** Leaves by name, once used. */
  get leaves(): ReadonlyMap<string, t.Var> {
    return this.#parts.leaves;
  }

  backbone(image: t.Var): t.Var[] {
    return this.#parts.backbone(image);
  }

  /** P3 to P7 of C3 to C5. */
  pyramid(maps: readonly t.Var[]): t.Var[] {
    const [c3, c4, c5] = maps;
    const m5 = this.#conv(c5, "fpn.inner_blocks.2.0", 0);
    const below = (lateral: t.Var, above: t.Var) =>
      t.add(lateral, t.upsample(above, lateral.shape[1], lateral.shape[2]));
    const m4 = below(this.#conv(c4, "fpn.inner_blocks.1.0", 0), m5);
    const m3 = below(this.#conv(c3, "fpn.inner_blocks.0.0", 0), m4);
    const [p3, p4, p5] = [m3, m4, m5].map((m, i) => this.#conv(m, `fpn.layer_blocks.${i}.0`, 1));
    const from = this.#variant.p6 === "C5" ? c5 : p5;
    const p6 = this.#conv(from, "fpn.extra_blocks.p6", 1, 2);
    const p7 = this.#conv(t.leakyRelu(p6, 0), "fpn.extra_blocks.p7", 1, 2);
    return [p3, p4, p5, p6, p7];
  }

  /** What a subnet says of one level, NHWC. @param name `ClassHead.cls_logits` or `BboxHead.bbox_reg` */
  subnet(level: t.Var, name: string): t.Var {
    const [module] = name.split(".");
    const { groups } = this.#variant;
    let x = level;
    for (let layer = 0; layer < 4; layer++) {
      const at = `${module}.conv.${layer}`;
      const y = this.#conv(x, `${at}.0`, 1);
      const leaf = (part: string) => this.#parts.leaf(`${at}.1.${part}`);
      x = t.leakyRelu(groups ? groupNorm(y, groups, leaf("weight"), leaf("bias")) : y, 0);
    }
    return this.#conv(x, name, 1);
  }

  #conv(x: t.Var, name: string, padding: number, stride = 1): t.Var {
    const weight = this.#parts.leaf(`${name}.weight`);
    const isPlain = !(this.#variant.groups && /\.conv\.\d\.0$/.test(name));
    const bias = isPlain ? this.#parts.leaf(`${name}.bias`) : undefined;
    return t.conv2d(x, weight, bias, { padding, stride });
  }
}
