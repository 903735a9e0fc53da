import {
  add,
  crossEntropy,
  type Device,
  mulScalar,
  narrow,
  nn,
  reshape,
  resizeNearest,
  smoothL1Loss,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import { Random } from "./random.js";

/** A small network with all that detectors have: strides, groups, branches, upsampling, a bias. */
export class SmallDetector extends nn.Module {
  readonly stem: nn.Sequential;
  readonly depthwise: nn.Sequential;
  readonly down: nn.Sequential;
  readonly lateral: nn.Sequential;
  readonly head: nn.Conv2d;

  constructor(device: Device, seed: number, slope = 0.1) {
    super();
    const init = nn.Init.seeded(device, seed);
    const block = (from: number, to: number, options: nn.Conv2dOptions) =>
      new nn.Sequential(
        new nn.Conv2d(init, from, to, { bias: false, ...options }),
        new nn.BatchNorm2d(init, to),
        new nn.LeakyReLU(slope),
      );
    this.stem = block(3, 6, { kernelSize: 3, stride: 2, padding: 1 });
    this.depthwise = block(6, 6, { kernelSize: 3, padding: 1, groups: 6 });
    this.down = block(6, 12, { kernelSize: 3, stride: 2, padding: 1 });
    this.lateral = block(12, 6, { kernelSize: 1 });
    this.head = new nn.Conv2d(init, 6, 4, { kernelSize: 1 });
  }

  override forward(x: Tensor): Tensor {
    const stem = this.stem.forward(x);
    const fine = add(this.depthwise.forward(stem), stem);
    const coarse = this.lateral.forward(this.down.forward(fine));
    const [, height, width] = fine.shape;
    return this.head.forward(add(fine, resizeNearest(coarse, { size: [height, width] })));
  }
}

export const IMAGE = [11, 9] as const;
/** Pixels of its output. */
const PLACES = 6 * 5;

/** What `SmallDetector` trains on. */
export interface SmallBatch {
  readonly image: Float32Array;
  readonly labels: Int32Array;
  readonly boxes: Float32Array;
}

/** Random values; some labels are ignored, and one target is an outlier. */
export function smallBatch(seed: number, count: number): SmallBatch {
  const random = new Random(seed);
  const boxes = random.normals(count * PLACES * 2);
  boxes[3] = 40;
  return {
    image: random.normals(count * IMAGE[0] * IMAGE[1] * 3),
    labels: Int32Array.from({ length: count * PLACES }, () => random.integer(-1, 1)),
    boxes,
  };
}

export function smallInputs(count: number) {
  return {
    image: { shape: [count, ...IMAGE, 3], dtype: "f32" },
    labels: { shape: [count * PLACES], dtype: "i32" },
    boxes: { shape: [count * PLACES, 2], dtype: "f32" },
  } as const;
}

type Name = keyof SmallBatch;

/** A batch on a device. */
export function uploadSmall(device: Device, batch: SmallBatch, count: number) {
  const inputs = smallInputs(count);
  const upload = (name: Name) =>
    tensor(device, batch[name], [...inputs[name].shape], { dtype: inputs[name].dtype });
  return { image: upload("image"), labels: upload("labels"), boxes: upload("boxes") };
}

/** Classification and boxes, as the real losses. */
export function smallLosses(network: SmallDetector) {
  return ({ image, labels, boxes }: { readonly [N in Name]: Tensor }) => {
    const y = reshape(network.forward(image), [-1, 4]);
    const classes = crossEntropy(narrow(y, 1, 0, 2), labels, { ignoreIndex: -1 });
    const places = smoothL1Loss(narrow(y, 1, 2, 2), boxes, { beta: 0.5 });
    return { total: add(classes, mulScalar(places, 2)), classes, places };
  };
}
