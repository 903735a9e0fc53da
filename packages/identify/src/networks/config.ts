import { OptionError } from "retinaface-webgpu";

/** The embedding networks. */
export const ARCHITECTURES = [
  "mobilefacenet",
  "mobilenet",
  "resnet18",
  "resnet34",
  "resnet50",
  "resnet100",
] as const;

export type Architecture = (typeof ARCHITECTURES)[number];

/** What an embedding network is: with its weights all that is needed to run it. */
export interface EmbedderConfig {
  readonly architecture: Architecture;
  /** Numbers of an embedding: 128 or 512 as published. */
  readonly dimension: number;
  /** Side of the square input in pixels, a multiple of 16: 112 as published. */
  readonly size: number;
  /** Multiplies the channels: 1 as published (insightface's MobileFaceNet: 2). */
  readonly width: number;
  /** Residual blocks of MobileFaceNet's four stretches; of a ResNet its name says them. */
  readonly blocks: readonly number[];
  /**
   * What the last map's lower half counts, its upper half being 1: below 1 for faces whose mouth and nose may be
   * covered. Absent: all rows count alike.
   */
  readonly lower?: number | undefined;
  /** Whether each picture is brought to the same brightness and contrast first. Absent: not, as published. */
  readonly evened?: boolean | undefined;
  /**
   * Whether a vector is that of the picture and that of its mirror image, one behind the other (Liu et al., "SphereFace",
   * 2017, test so): twice the numbers and twice the work, and two looks at what is hard to tell. Absent: not.
   */
  readonly flipped?: boolean | undefined;
}

/** As published by Chen et al. 2018, with 128 numbers. */
export const DEFAULT_EMBEDDER: EmbedderConfig = {
  architecture: "mobilefacenet",
  dimension: 128,
  size: 112,
  width: 1,
  blocks: [1, 4, 6, 2],
};

/** Residual blocks of the four layers, by name. */
export const RESNET_BLOCKS: Readonly<Record<string, readonly number[]>> = {
  resnet18: [2, 2, 2, 2],
  resnet34: [3, 4, 6, 3],
  resnet50: [3, 4, 14, 3],
  resnet100: [3, 13, 30, 3],
};

/** Input pixels between two cells of the last map. */
export const LAST_STRIDE = 16;

/** Pixels of the largest input that is taken. */
const LARGEST = 1024;

const isWhole = (value: unknown, least: number, most: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;

/**
 * Fills in what is left out of a configuration, and checks it.
 * @throws {OptionError} for a value out of range
 */
export function embedderConfig(given: Partial<EmbedderConfig> = {}): EmbedderConfig {
  const { architecture = DEFAULT_EMBEDDER.architecture } = given;
  if (!ARCHITECTURES.includes(architecture)) {
    throw new OptionError(
      `the architecture must be ${ARCHITECTURES.join(", ")}, not ${architecture}`,
    );
  }
  const isMobile = architecture === "mobilefacenet" || architecture === "mobilenet";
  const blocks = RESNET_BLOCKS[architecture] ?? given.blocks ?? DEFAULT_EMBEDDER.blocks;
  const { size = 112, width = 1, dimension = isMobile ? 128 : 512, lower } = given;
  if (!isWhole(size, LAST_STRIDE, LARGEST) || size % LAST_STRIDE !== 0) {
    throw new OptionError(
      `size must be a multiple of ${LAST_STRIDE} from ${LAST_STRIDE} to ${LARGEST}, not ${size}`,
    );
  }
  if (!isWhole(dimension, 2, 8192)) {
    throw new OptionError(`dimension must be a whole number from 2 to 8192, not ${dimension}`);
  }
  if (!(width >= 1 / 16 && width <= 8 && Number.isInteger(width * 16))) {
    throw new OptionError(`width must be a multiple of 1/16 from 1/16 to 8, not ${width}`);
  }
  if (lower !== undefined && !(lower >= 0 && lower <= 1)) {
    throw new OptionError(`lower must be a number from 0 to 1, not ${lower}`);
  }
  const { evened, flipped } = given;
  for (const [name, value] of Object.entries({ evened, flipped })) {
    if (value === undefined || typeof value === "boolean") continue;
    throw new OptionError(`${name} must be true or false, not ${value}`);
  }
  if (blocks.length !== 4 || !blocks.every((count) => isWhole(count, 1, 64))) {
    throw new OptionError(`blocks must be four whole numbers from 1 to 64, not ${blocks}`);
  }
  const plain = { architecture, dimension, size, width, blocks: [...blocks] };
  return {
    ...plain,
    ...(lower !== undefined && { lower }),
    ...(evened && { evened }),
    ...(flipped && { flipped }),
  };
}
