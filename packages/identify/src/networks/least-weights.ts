import { type EmbedderConfig, LAST_STRIDE, RESNET_BLOCKS } from "./config.js";
import { MOBILENET_CHANNELS } from "./mobilenet.js";

/**
 * Weights of a configuration's convolutions and full connection, without building it: a file with fewer numbers holds another
 * network, and is refused before memory is taken for this one.
 */
export function leastWeights(config: EmbedderConfig): number {
  const { architecture, width, size, dimension } = config;
  const cells = (size / LAST_STRIDE) ** 2;
  if (architecture === "mobilefacenet") return ofMobileFaceNet(config, cells);
  if (architecture === "mobilenet") return ofMobileNet(config, cells);
  const channels = [64, 64, 128, 256, 512].map((n) => n * width);
  const layers = RESNET_BLOCKS[architecture].map((blocks, n) => {
    const [from, to] = [channels[n], channels[n + 1]];
    return 9 * from * to + 9 * to * to * (2 * blocks - 1);
  });
  return layers.reduce((sum, each) => sum + each, channels[4] * cells * dimension);
}

function ofMobileFaceNet({ width, blocks, dimension }: EmbedderConfig, cells: number): number {
  const [narrow, wide] = [64 * width, 128 * width];
  const [a, b, c, last] = [128, 256, 512, 512].map((n) => n * Math.min(1, width));
  const plain = blocks[0] === 1 ? 0 : blocks[0] * 2 * narrow * a;
  const bottlenecks =
    (blocks[1] + 1) * 2 * narrow * a +
    b * (narrow + wide) +
    blocks[2] * 2 * wide * b +
    2 * wide * c +
    blocks[3] * 2 * wide * b;
  return plain + bottlenecks + wide * last + last * (cells + dimension);
}

/** Of the 1×1 convolutions of stride 16, the one behind them, and the head. */
function ofMobileNet({ width, dimension }: EmbedderConfig, cells: number): number {
  const [map, last] = [MOBILENET_CHANNELS.map * width, MOBILENET_CHANNELS.last * width];
  return 5 * map * map + map * last + last * (cells + dimension);
}
