/** Names by which checkpoints of other networks and of other programs are known. */

interface Names {
  has(name: string): boolean;
}

/** Of Face-Detector-1MB-with-landmark's own names, the first of each of its two networks. */
const LIGHT = "conv14.2.2.weight";
/** Ultra-Light-Fast-Generic-Face-Detector's. */
const ULTRALIGHT = "base_net.0.0.weight";
/** Of torchvision's RetinaNet. */
const TORCHVISION = "head.classification_head.cls_logits.weight";
/** Of RetinaNet under the names used here. */
const RETINANET = "fpn.inner_blocks.0.0.weight";

/** Whether a checkpoint under the names used here is a RetinaNet's. */
export function isRetinaNet(state: Names): boolean {
  return state.has(RETINANET);
}

/** Whether a checkpoint is torchvision's RetinaNet, of any version. */
export function isTorchvisionRetinaNet(state: Names): boolean {
  return state.has(TORCHVISION);
}

/** Whether a checkpoint is Ultra-Light-Fast-Generic-Face-Detector's. */
export function isUltralight(state: Names): boolean {
  return state.has(ULTRALIGHT);
}

/** Whether a checkpoint has names that are translated: {@link houseNames}. */
export function isForeign(state: Names): boolean {
  return isTorchvisionRetinaNet(state) || isUltralight(state) || state.has(LIGHT);
}
