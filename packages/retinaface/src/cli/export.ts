import { Command, InvalidArgumentError, Option } from "commander";
import { loadOnnxPackage } from "#platform";
import { OptionError } from "../errors.js";
import {
  houseNames,
  inferNetwork,
  isRetinaNet,
  registerRetinaNet,
  toTorchvision,
} from "../model/index.js";
import type { OnnxOutputs } from "../onnx/export.js";
import { printable } from "../printable.js";
import { readCheckpointConfig } from "../weights/config.js";
import { readCheckpoint, writePth } from "../weights/index.js";
import { locateWeights, readNamedWeights } from "../weights/locate.node.js";
import { readWeights } from "../weights/open.js";
import { JsonLines, type Streams } from "./lines.js";
import { overwriteOption } from "./options.js";
import { Outputs } from "./outputs.js";

interface ExportValues {
  readonly pth?: string;
  readonly onnx?: string;
  readonly size?: readonly [width: number, height: number];
  readonly outputs?: OnnxOutputs;
  readonly half?: boolean;
  readonly overwrite?: boolean;
}

/** Width and height of a model's image where none are asked for. */
const USUAL_SIDE = 640;

/** @throws InvalidArgumentError */
function parseSize(text: string): [number, number] {
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  if (width && height) return [Number(width), Number(height)];
  throw new InvalidArgumentError("It must be width and height such as 640x480.");
}

/** `retinaface export`, without its action. */
export function exportCommand(): Command {
  return new Command("export")
    .description("write weights for other programs")
    .argument("[weights]", "checkpoint: .pth or .safetensors (default: those that detect takes)")
    .option("--pth <file>", "for the public PyTorch code: torch.load(FILE, weights_only=True)")
    .option("--onnx <file>", "for ONNX runtimes: a model of opset 17")
    .option("--size <WxH>", "of the ONNX model's image (default: 640x640)", parseSize)
    .addOption(
      new Option(
        "--outputs <form>",
        "of the ONNX model: the heads' numbers (default), decoded boxes, or faces",
      ).choices(["heads", "boxes", "faces"]),
    )
    .option("--half", "store the ONNX model's weights in f16")
    .addOption(overwriteOption());
}

/**
 * Writes weights for other programs. PyTorch's `.pth` has the names of the public PyTorch code, a RetinaNet's torchvision's;
 * anchors and thresholds have no place in it: where the weights hold some, they are in the command's JSON, and a line on
 * standard error says so. An ONNX model says them as metadata.
 *
 * @throws OptionError where no output is asked for, or two; what reading the checkpoint and `exportDetector` throw
 */
export async function exportWeights(
  weights: string | undefined,
  values: ExportValues,
  streams: Streams,
  signal: AbortSignal,
): Promise<void> {
  const { pth, onnx, overwrite } = values;
  if ((pth === undefined) === (onnx === undefined)) {
    throw new OptionError("export needs --pth FILE or --onnx FILE: where to write, one at a time");
  }
  const ofOnnx = { "--size": values.size, "--outputs": values.outputs, "--half": values.half };
  const [given] = Object.entries(ofOnnx).find(([, value]) => value !== undefined) ?? [];
  if (onnx === undefined && given) {
    throw new OptionError(`${given} is for ONNX models: give --onnx FILE, or leave it out`);
  }
  const outputs = new Outputs({ overwrite, inputs: [weights] });
  await outputs.check(pth, onnx);
  const located = weights === undefined ? await locateWeights() : undefined;
  const bytes = located?.bytes ?? (await readNamedWeights(weights as string, signal));
  const line =
    onnx === undefined
      ? await writeTorch(bytes, pth!, outputs, streams)
      : await writeOnnx(bytes, onnx, values, outputs);
  await new JsonLines(streams.stdout).write(line);
}

async function writeTorch(bytes: Uint8Array, pth: string, outputs: Outputs, streams: Streams) {
  const read = readCheckpoint(bytes);
  const config = readCheckpointConfig(bytes);
  registerRetinaNet();
  const own = houseNames(read);
  inferNetwork(own, config.heads);
  const state = isRetinaNet(own) ? toTorchvision(own) : read;
  const written = writePth(state);
  await outputs.write(pth, written);
  const holds = Object.keys(config);
  if (holds.length > 0) {
    streams.stderr.write(
      `retinaface: ${printable(pth)} holds no configuration (${holds.join(", ")}): give PyTorch the one printed here\n`,
    );
  }
  return {
    file: pth,
    bytes: written.byteLength,
    tensors: state.size,
    ...(holds.length > 0 && { config }),
  };
}

async function writeOnnx(bytes: Uint8Array, file: string, values: ExportValues, to: Outputs) {
  const { size = [USUAL_SIDE, USUAL_SIDE], outputs = "heads", half } = values;
  const { exportDetector } = await loadOnnxPackage(() => import("../onnx/export.js"));
  const [width, height] = size;
  const written = await exportDetector(readWeights(bytes), { width, height, outputs, half });
  await to.write(file, written);
  return { file, bytes: written.byteLength, image: [1, 3, height, width], outputs };
}
