import type { HostTensor, StateDict } from "@retinaface-webgpu/tensor/inference";
import { isForeign, isTorchvisionRetinaNet, isUltralight } from "./marks.js";
import { MEAN_BGR } from "./mean.js";
import { fromTorchvision } from "./retinanet/names.js";

/** Our names of the heads of light networks, by theirs. */
const HEADS: Readonly<Record<string, string>> = {
  conf: "ClassHead",
  loc: "BboxHead",
  landm: "LandmarkHead",
  classification_headers: "ClassHead",
  regression_headers: "BboxHead",
};

const HEAD = new RegExp(
  `^(${Object.keys(HEADS).join("|")})\\.(\\d+)\\.(?:([02])\\.)?(weight|bias)$`,
);
/** Of a head of two convolutions, and of one. */
const HEAD_PARTS: Readonly<Record<string, string>> = { 0: "depthwise", 2: "conv1x1" };

function renamed(name: string): string {
  const head = HEAD.exec(name);
  if (head) {
    const [, module, level, part, what] = head;
    return `${HEADS[module]}.${level}.${part ? HEAD_PARTS[part] : "conv3x3"}.${what}`;
  }
  const body = /^base_net\.(\d+)\.(.*)$/.exec(name);
  if (body) return `body.conv${Number(body[1]) + 1}.${body[2]}`;
  return name.replace(/^extras\.0\./, "body.conv14.").replace(/^conv(\d+)\./, "body.conv$1.");
}

/** What Ultra-Light's input is of ours: its is R, G, B less 127, over 128; ours B, G, R less the mean. */
function inputScale(): [string, HostTensor][] {
  const tensor = (values: number[]): HostTensor => ({
    dtype: "f32",
    shape: [values.length],
    data: Float32Array.from(values),
  });
  return [
    ["body.input.scale", tensor(MEAN_BGR.map(() => 1 / 128))],
    ["body.input.shift", tensor(MEAN_BGR.map((mean) => (mean - 127) / 128))],
  ];
}

/** A convolution's weights for an input of B, G, R where they were for R, G, B. */
function swapInputs({ dtype, shape, data }: HostTensor): HostTensor {
  const plane = data.length / (shape[0] * shape[1]);
  const swapped = data.slice();
  for (let at = 0; at < data.length; at += plane) {
    const channel = (at / plane) % shape[1];
    const from = at + (shape[1] - 1 - 2 * channel) * plane;
    for (let i = 0; i < plane; i++) swapped[at + i] = data[from + i];
  }
  return { dtype, shape, data: swapped } as HostTensor;
}

/**
 * A checkpoint under the names that networks have here. Those of Face-Detector-1MB-with-landmark (biubug6) and of
 * Ultra-Light-Fast-Generic-Face-Detector (Linzaer) are translated, the latter's input along with them, and torchvision's
 * of RetinaNet; others stay.
 */
export function houseNames(state: StateDict): StateDict {
  if (isTorchvisionRetinaNet(state)) return fromTorchvision(state);
  const ultralight = isUltralight(state);
  if (!isForeign(state)) return state;
  const named: StateDict = new Map([...state].map(([name, tensor]) => [renamed(name), tensor]));
  if (!ultralight) return named;
  for (const [name, tensor] of inputScale()) named.set(name, tensor);
  const first = "body.conv1.0.weight";
  const weight = named.get(first);
  if (weight?.shape.length === 4) named.set(first, swapInputs(weight));
  return named;
}
