import { formatTable, say } from "@retinaface-webgpu/train/node";
import type { Verification } from "../evaluation/verification.js";

/** A verification's figures as a table, for people. */
export function sayVerification({ auc, eer, tarAtFar }: Verification): void {
  say(
    formatTable(
      ["AUC", "EER", ...tarAtFar.map(({ far }) => `TAR at FAR ${far}`)],
      [[auc, eer, ...tarAtFar.map(({ tar }) => tar)]],
    ),
  );
}
