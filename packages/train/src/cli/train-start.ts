import { inferNetwork, OptionError, objectnessHead, readWeights } from "retinaface-webgpu";
import { locateWeights, readNamedWeights } from "retinaface-webgpu/node";
import { type BackboneWeights, backboneAlone } from "../trainer/backbone-alone.js";
import type { Pretrained } from "../trainer/initialise.js";
import { modelOf } from "./train-model.js";
import type { NetworkForm } from "./train-network.js";
import type { TrainValues } from "./train-options.js";

/** `--weights default`: those that `detect` and `evaluate` take where none are named. */
export const DEFAULT = "default";
/** `--weights random`. */
const RANDOM = "random";

/** Parts that a network has where nothing is said of them. */
const WITHOUT_PARTS = {
  extraLevels: 0,
  deformable: false,
  separable: false,
  cascade: false,
  context: true,
  objectness: false,
};

/** What a run starts from. */
export interface Start {
  /** As the run's description holds it; null: random weights. */
  readonly weights: string | null;
  readonly pretrained?: Pretrained;
  /** Where they are a backbone's alone. */
  readonly backbone?: BackboneWeights;
  /** What was taken, for people. */
  readonly text: string;
}

type StartValues = Pick<
  TrainValues,
  "weights" | "model" | "backbone" | "width" | "channels" | "network"
>;

/** The shape of random weights that was asked for, by option. */
const shapeOf = ({ model, backbone, width, channels, network }: StartValues) =>
  Object.entries({ model, backbone, width, channels, network }).filter(
    ([, value]) => value !== undefined,
  );

/** Options that say the shape of random weights ask for such, unless weights are named. */
function choose(values: StartValues): string {
  if (values.weights === "") throw new OptionError("--weights needs a file name");
  return values.weights ?? (shapeOf(values).length > 0 ? RANDOM : DEFAULT);
}

/** @throws {OptionError} where an option asks for another shape than the weights have */
function checkShape(values: StartValues, { state, config }: Pretrained, text: string): void {
  const network = inferNetwork(state, config?.heads);
  const objectness = objectnessHead(network.heads ?? []) !== undefined;
  refuseOthers(values, { ...network, model: modelOf(network), objectness }, text);
}

/** The pyramid is not of the backbone: its channels may be asked for. */
function checkBackbone({ backbone, width }: StartValues, own: BackboneWeights, text: string): void {
  refuseOthers({ backbone, width }, own, text);
}

/** @throws {OptionError} where weights have other parts than the form that was asked for */
function checkForm(form: NetworkForm, network: object, text: string): void {
  const { parts, objectness, text: asked } = form;
  const own: Record<string, unknown> = { ...WITHOUT_PARTS, ...network };
  const other = Object.entries({ ...WITHOUT_PARTS, ...parts, objectness }).find(
    ([part, value]) => own[part] !== value,
  );
  if (!other) return;
  throw new OptionError(
    `--network ${asked} is for random weights, and ${text} has ${other[0]} ${own[other[0]]}: leave it out, or say --weights random`,
  );
}

function refuseOthers(values: StartValues, network: object, text: string): void {
  for (const [name, value] of shapeOf(values)) {
    if (name === "network") {
      checkForm(value as NetworkForm, network, text);
      continue;
    }
    const own = (network as Record<string, unknown>)[name];
    if (own === value) continue;
    throw new OptionError(
      `--${name} ${value} is for random weights, and ${text} has ${own}: leave it out, or say --weights random`,
    );
  }
}

/**
 * Finds the weights that a run starts from.
 *
 * @param own what the run that is gone on with started from; absent: a new run
 * @throws {OptionError} for options that contradict the weights; what reading a checkpoint throws
 */
export async function readStart(values: StartValues, own?: string | null): Promise<Start> {
  const unnamed = values.weights === undefined && own !== undefined;
  const name = unnamed ? (own ?? RANDOM) : choose(values);
  if (name === RANDOM) return { weights: null, text: "random weights" };
  const located = name === DEFAULT ? await locateWeights() : undefined;
  const bytes = located?.bytes ?? (await readNamedWeights(name));
  const text = located ? `the default weights, ${located.origin.path}` : name;
  const pretrained: Pretrained = readWeights(bytes);
  const backbone = backboneAlone(pretrained.state);
  if (backbone) {
    checkBackbone(values, backbone, text);
    return { weights: name, backbone, text: `the backbone of ${text}, everything else random` };
  }
  checkShape(values, pretrained, text);
  return { weights: name, pretrained, text };
}
