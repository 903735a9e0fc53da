import type { NetworkConfig } from "retinaface-webgpu";
import { sharedFile } from "../detectors/contestants.js";

/** A network whose weights there are. */
export interface KnownNetwork {
  readonly name: string;
  readonly config: NetworkConfig;
  /** Weights to measure times with: null for the package's own, absent where none are at hand. */
  readonly weights?: string | null;
}

/** The model zoo of the README, row by row. */
export const ZOO: readonly KnownNetwork[] = [
  { name: "own", config: { backbone: "mobilenet0.25", channels: 32 }, weights: null },
  {
    name: "MobileNet-0.25",
    config: { backbone: "mobilenet0.25" },
    weights: sharedFile("weights/mobilenet0.25_Final.pth"),
  },
  { name: "ResNet-50", config: { backbone: "resnet50" } },
  { name: "slim", config: { backbone: "slim" }, weights: sharedFile("weights/slim_Final.pth") },
  { name: "RFB", config: { backbone: "rfb" }, weights: sharedFile("weights/RBF_Final.pth") },
];
