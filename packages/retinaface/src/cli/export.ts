import { Command } from "commander";
import { readBytes } from "#platform";
import { OptionError } from "../errors.js";
import {
  houseNames,
  inferNetwork,
  isRetinaNet,
  registerRetinaNet,
  toTorchvision,
} from "../model/index.js";
import { printable } from "../printable.js";
import { readCheckpointConfig } from "../weights/config.js";
import { readCheckpoint, writePth } from "../weights/index.js";
import { locateWeights } from "../weights/locate.node.js";
import { JsonLines, type Streams } from "./lines.js";
import { overwriteOption } from "./options.js";
import { Outputs } from "./outputs.js";

interface ExportValues {
  readonly pth?: string;
  readonly overwrite?: boolean;
}

/** `retinaface export`, without its action. */
export function exportCommand(): Command {
  return new Command("export")
    .description("write weights for other programs")
    .argument("[weights]", "checkpoint: .pth or .safetensors (default: those that detect takes)")
    .option("--pth <file>", "for the public PyTorch code: torch.load(FILE, weights_only=True)")
    .addOption(overwriteOption());
}

/**
 * Writes weights as PyTorch's `.pth`, by the names of the public PyTorch code, a RetinaNet's by torchvision's. Anchors and thresholds have no place in
 * such a file: where the weights hold some, they are in the command's JSON, and a line on standard error says so.
 *
 * @throws OptionError where no output is asked for; what reading the checkpoint throws
 */
export async function exportWeights(
  weights: string | undefined,
  { pth, overwrite }: ExportValues,
  streams: Streams,
  signal: AbortSignal,
): Promise<void> {
  if (pth === undefined) throw new OptionError("export needs --pth FILE: where to write");
  const outputs = new Outputs({ overwrite, inputs: [weights] });
  await outputs.check(pth);
  const located = weights === undefined ? await locateWeights() : undefined;
  const bytes = located?.bytes ?? (await readBytes(weights as string, signal));
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
  await new JsonLines(streams.stdout).write({
    file: pth,
    bytes: written.byteLength,
    tensors: state.size,
    ...(holds.length > 0 && { config }),
  });
}
