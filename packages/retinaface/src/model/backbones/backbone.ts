import type { Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";

/** A stretch of a backbone, from one feature map to the next. */
export interface BackboneStage {
  /** What `--freeze` calls it; neighbours may share a name, and then freeze together. */
  readonly name: string;
  /** Input pixels between two cells of the map it makes: a map has `ceil(side / stride)` cells a side. */
  readonly stride: number;
  /** Channels of that map. */
  readonly channels: number;
  readonly module: nn.Layer;
}

/**
 * A network that turns an image into ever coarser feature maps. Its stages in their order are all that the pyramid,
 * training, freezing and compiled inference know of it.
 */
export abstract class Backbone extends nn.Module {
  abstract stages(): readonly BackboneStage[];

  /** The map of each stage, fine to coarse. @param image `[n, h, w, 3]` */
  override forward(image: Tensor): Tensor[] {
    let map = image;
    return this.stages().map(({ module }) => {
      map = module.forward(map);
      return map;
    });
  }
}
