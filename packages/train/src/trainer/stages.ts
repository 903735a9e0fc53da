import { concat, maxPool, relu, type Tensor } from "@retinaface-webgpu/tensor";
import {
  MobileNetV1,
  type NetworkOutput,
  OptionError,
  ResNet50,
  type RetinaFaceNetwork,
} from "retinaface-webgpu";

type Levels = [Tensor, Tensor, Tensor];

/** One part of the forward pass: from the feature maps so far to the next ones. */
export type Stage = (maps: readonly Tensor[]) => Tensor[];

/**
 * The forward pass up to the heads, cut at the boundaries of the parts (see `PARTS`): one function a part,
 * the first of which takes the image.
 */
export function stagesOf(network: RetinaFaceNetwork): Stage[] {
  const { fpn } = network;
  const contexts = [network.ssh1, network.ssh2, network.ssh3];
  return [
    ...backboneStages(network),
    (maps) => fpn.forward(maps as Levels),
    (maps) => maps.map((map, i) => contexts[i].forward(map)),
  ];
}

function backboneStages({ body }: RetinaFaceNetwork): Stage[] {
  if (body instanceof MobileNetV1) {
    const { stage1, stage2, stage3 } = body;
    return [
      ([image]) => [stage1[0].forward(image)],
      ([x]) => {
        for (let i = 1; i < stage1.length; i++) x = stage1[i].forward(x);
        return [x];
      },
      ([c3]) => [c3, stage2.forward(c3)],
      ([c3, c4]) => [c3, c4, stage3.forward(c4)],
    ];
  }
  if (body instanceof ResNet50) {
    const { conv1, bn1, layer1, layer2, layer3, layer4 } = body;
    return [
      ([image]) => {
        const stem = relu(bn1.forward(conv1.forward(image)));
        return [maxPool(stem, { kernelSize: 3, stride: 2, padding: 1 })];
      },
      ([x]) => [layer2.forward(layer1.forward(x))],
      ([c3]) => [c3, layer3.forward(c3)],
      ([c3, c4]) => [c3, c4, layer4.forward(c4)],
    ];
  }
  throw new OptionError("only MobileNet and ResNet-50 backbones can be trained");
}

/** The heads on the three context modules' features. */
export function predict(network: RetinaFaceNetwork, features: readonly Tensor[]): NetworkOutput {
  const join = (heads: RetinaFaceNetwork["ClassHead"]) =>
    concat(
      heads.map((head, i) => head.perPrior(head.forward(features[i]))),
      1,
    );
  return {
    loc: join(network.BboxHead),
    conf: join(network.ClassHead),
    landms: join(network.LandmarkHead),
  };
}
