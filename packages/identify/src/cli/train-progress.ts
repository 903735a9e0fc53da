import { StepProgress } from "@retinaface-webgpu/train/node";
import type { EmbedderRunListener } from "../training/run.node.js";

/** Tells of a run and of its validations. */
export class TrainProgress extends StepProgress implements EmbedderRunListener {
  onValidation({ step, seen, unseen }: Parameters<EmbedderRunListener["onValidation"]>[0]): void {
    const of = ({ rank1, queries, identities }: typeof seen) =>
      `${rank1.toFixed(4)} (${queries} pictures, ${identities} enrolled)`;
    const others = unseen ? `, of those kept back ${of(unseen)}` : "";
    this.onNotice(`step ${step}: rank 1 ${of(seen)}${others}`);
  }
}
