/** RetinaFace with a MobileNetV1 backbone in float64, from a state dict, on the tape of `tape.ts`. */
import * as t from "./tape.js";

/** Parameters and running statistics by PyTorch's names. */
export type ReferenceWeights = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: Float64Array }
>;

/** A forward pass whose leaves can be asked for afterwards. */
export class ReferenceRetinaFace {
  /** Leaves by name, made on first use. */
  readonly leaves = new Map<string, t.Var>();
  readonly #weights: ReferenceWeights;
  /** Whether a batch norm of this name uses the batch's statistics. */
  readonly #training: (name: string) => boolean;

  constructor(weights: ReferenceWeights, training: (name: string) => boolean) {
    this.#weights = weights;
    this.#training = training;
  }

  /** @param image NHWC */
  forward(image: t.Var): { loc: t.Var; conf: t.Var; landms: t.Var } {
    const [c3, c4, c5] = this.backbone(image);
    const p3 = this.#convBn(c5, "fpn.output3", 0, 1, 0.1);
    const up = (x: t.Var, like: t.Var) => t.upsample(x, like.shape[1], like.shape[2]);
    const l2 = this.#convBn(c4, "fpn.output2", 0, 1, 0.1);
    const p2 = this.#convBn(t.add(l2, up(p3, l2)), "fpn.merge2", 1, 1, 0.1);
    const l1 = this.#convBn(c3, "fpn.output1", 0, 1, 0.1);
    const p1 = this.#convBn(t.add(l1, up(p2, l1)), "fpn.merge1", 1, 1, 0.1);
    const features = [p1, p2, p3].map((p, i) => this.#context(p, `ssh${i + 1}`));
    const join = (name: string, width: number) =>
      t.concat(
        features.map((f, i) => {
          const key = `${name}.${i}.conv1x1`;
          const y = t.conv2d(f, this.leaf(`${key}.weight`), this.leaf(`${key}.bias`));
          return t.reshape(y, [y.shape[0], y.data.length / y.shape[0] / width, width]);
        }),
        1,
      );
    return {
      loc: join("BboxHead", 4),
      conf: join("ClassHead", 2),
      landms: join("LandmarkHead", 10),
    };
  }

  /** MobileNet's maps of stride 8, 16 and 32. */
  backbone(image: t.Var): [t.Var, t.Var, t.Var] {
    const strides = { stage1: [1, 2, 1, 2, 1], stage2: [2, 1, 1, 1, 1, 1], stage3: [2, 1] };
    let x = this.#convBn(image, "body.stage1.0", 1, 2, 0.1);
    const maps = Object.entries(strides).map(([stage, list]) => {
      const first = stage === "stage1" ? 1 : 0;
      for (const [i, stride] of list.entries()) {
        x = this.#separable(x, `body.${stage}.${first + i}`, stride);
      }
      return x;
    });
    return maps as [t.Var, t.Var, t.Var];
  }

  #separable(x: t.Var, name: string, stride: number): t.Var {
    const weight = this.leaf(`${name}.0.weight`);
    const depthwise = t.conv2d(x, weight, undefined, { stride, padding: 1, groups: x.shape[3] });
    const y = t.leakyRelu(this.#norm(depthwise, `${name}.1`), 0.1);
    const pointwise = t.conv2d(y, this.leaf(`${name}.3.weight`), undefined);
    return t.leakyRelu(this.#norm(pointwise, `${name}.4`), 0.1);
  }

  #context(x: t.Var, name: string): t.Var {
    const three = this.#convBn(x, `${name}.conv3X3`, 1, 1);
    const first = this.#convBn(x, `${name}.conv5X5_1`, 1, 1, 0.1);
    const five = this.#convBn(first, `${name}.conv5X5_2`, 1, 1);
    const second = this.#convBn(first, `${name}.conv7X7_2`, 1, 1, 0.1);
    const seven = this.#convBn(second, `${name}.conv7x7_3`, 1, 1);
    return t.leakyRelu(t.concat([three, five, seven], 3), 0);
  }

  #convBn(x: t.Var, name: string, padding: number, stride: number, slope?: number): t.Var {
    const y = t.conv2d(x, this.leaf(`${name}.0.weight`), undefined, { padding, stride });
    const normal = this.#norm(y, `${name}.1`);
    return slope === undefined ? normal : t.leakyRelu(normal, slope);
  }

  #norm(x: t.Var, name: string): t.Var {
    const running = {
      mean: this.#weights.get(`${name}.running_mean`)!.data,
      variance: this.#weights.get(`${name}.running_var`)!.data,
    };
    const [gamma, beta] = [this.leaf(`${name}.weight`), this.leaf(`${name}.bias`)];
    return t.batchNorm(x, gamma, beta, running, this.#training(name));
  }

  /** Weights by their name. */
  leaf(name: string): t.Var {
    const known = this.leaves.get(name);
    if (known) return known;
    const { shape, data } = this.#weights.get(name)!;
    const made = t.leaf(shape, data);
    this.leaves.set(name, made);
    return made;
  }
}
