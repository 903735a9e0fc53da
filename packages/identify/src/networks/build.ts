import type * as nn from "@retinaface-webgpu/tensor/nn";
import type { EmbedderConfig } from "./config.js";
import { type HeadOptions, IResNet } from "./iresnet.js";
import { MobileFaceNet } from "./mobilefacenet.js";
import { MobileNetEmbedder } from "./mobilenet.js";
import type { EmbeddingNetwork } from "./network.js";

/** The network of a configuration (`embedderConfig`), with the weights that `init` makes. */
export function buildNetwork(
  init: nn.Init,
  config: EmbedderConfig,
  options: HeadOptions = {},
): EmbeddingNetwork {
  if (config.architecture === "mobilefacenet") return new MobileFaceNet(init, config);
  if (config.architecture === "mobilenet") return new MobileNetEmbedder(init, config);
  return new IResNet(init, config, options);
}
