/** What training begins with in place of random weights: a detector's MobileNet, or another embedding network. */
import { toFloat32 } from "@retinaface-webgpu/tensor/inference";
import { matchStateDict, OptionError } from "retinaface-webgpu";
import { type EmbedderConfig, LAST_STRIDE } from "./config.js";
import type { EmbeddingNetwork, Start } from "./network.js";
import type { EmbedderWeights } from "./weights.js";

/** Where a head meets the last map: a number for each of its cells. */
const SPATIAL = /^(features\.layers\.0\.layers\.0|fc)\.weight$/;

/** Of heads: the full connection and the batch norm behind it. */
const VECTOR = { mobile: /^features\.layers\.[23]\./, resnet: /^(fc|features)\./ };

/**
 * Another embedding network's weights for one of `config`. For another side of input the head's weights for each cell of the
 * map are interpolated; for vectors of another length the last layers begin at random.
 *
 * @throws {OptionError} for one of other layers or another width
 */
export function startOfEmbedder(
  { config: from, state }: EmbedderWeights,
  to: EmbedderConfig,
): Start {
  const formOf = ({ architecture, width, blocks }: EmbedderConfig) =>
    `${architecture} of width ${width}${architecture === "mobilefacenet" ? ` with blocks ${blocks}` : ""}`;
  if (formOf(from) !== formOf(to)) {
    throw new OptionError(
      `the weights to start with are those of ${formOf(from)}, not of ${formOf(to)}: train the same, or start with others`,
    );
  }
  const isMobile = from.architecture.startsWith("mobile");
  const random =
    from.dimension === to.dimension ? undefined : VECTOR[isMobile ? "mobile" : "resnet"];
  const taken = [...state].filter(([name]) => !random?.test(name));
  const [a, b] = [from.size / LAST_STRIDE, to.size / LAST_STRIDE];
  const fitted = taken.map(([name, tensor]): [string, typeof tensor] => {
    if (a === b || !SPATIAL.test(name)) return [name, tensor];
    const [rows, columns] = tensor.shape;
    const shape = isMobile ? [rows, columns, b, b] : [rows, (columns / (a * a)) * b * b];
    return [name, { dtype: "f32", shape, data: interpolated(toFloat32(tensor), a, b) }];
  });
  return { state: new Map(fitted), random };
}

/** Square planes of another side, bilinearly, for sums over as many more or fewer cells. */
function interpolated(values: ArrayLike<number>, from: number, to: number): Float32Array {
  const planes = values.length / (from * from);
  const taps = Array.from({ length: to }, (_, i) => {
    const at = Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
    const first = Math.min(from - 1, Math.floor(at));
    return { first, second: Math.min(from - 1, first + 1), share: at - first };
  });
  const out = new Float32Array(planes * to * to);
  const scale = (from / to) ** 2;
  for (let plane = 0, at = 0; plane < planes; plane++) {
    const cell = (y: number, x: number) => values[(plane * from + y) * from + x];
    for (const v of taps) {
      for (const u of taps) {
        const row = (y: number) => cell(y, u.first) * (1 - u.share) + cell(y, u.second) * u.share;
        out[at++] = scale * (row(v.first) * (1 - v.share) + row(v.second) * v.share);
      }
    }
  }
  return out;
}

/**
 * Fills the part of a network that a start has.
 * @throws StateDictMismatchError for weights of another network
 */
export function beginWith(network: EmbeddingNetwork, { state, random }: Start): void {
  const wanted = [...network.stateShapes()].filter(
    ([name]) => state.has(name) || !random?.test(name),
  );
  const matched = matchStateDict(new Map(wanted), state);
  for (const [path, module] of network.namedModules()) {
    const names = [...module.stateShapes().keys()];
    // Modules of modules have names with dots: only those that hold weights themselves are filled.
    if (names.some((name) => name.includes("."))) continue;
    const own = names.flatMap((name) => {
      const tensor = matched.get(`${path}.${name}`);
      return tensor ? [[name, tensor] as const] : [];
    });
    if (own.length > 0) module.loadStateDict(new Map(own), { strict: false });
  }
}
