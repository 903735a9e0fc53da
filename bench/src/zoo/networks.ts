import path from "node:path";
import type { NetworkConfig } from "retinaface-webgpu";
import { sharedFile } from "../detectors/contestants.js";
import { root } from "../environment.js";

/** A network of the zoo. */
export interface KnownNetwork {
  readonly name: string;
  /** Absent where it is one of ONNX alone. */
  readonly config?: NetworkConfig;
  /** Weights to measure times with: null for the package's own, absent where random ones do. */
  readonly weights?: string | null;
  /** A YuNet, run by this library's engines. */
  readonly onnx?: string;
}

/** The model zoo of the README, row by row. */
export const ZOO: readonly KnownNetwork[] = [
  { name: "own", config: { backbone: "mobilenet0.25" }, weights: null },
  {
    name: "own, light",
    config: { backbone: "light" },
    weights: path.join(root, "packages/retinaface/weights/light.safetensors"),
  },
  {
    name: "MobileNet-0.25",
    config: { backbone: "mobilenet0.25" },
    weights: sharedFile("weights/mobilenet0.25_Final.pth"),
  },
  { name: "ResNet-50", config: { backbone: "resnet50" } },
  { name: "slim", config: { backbone: "slim" }, weights: sharedFile("weights/slim_Final.pth") },
  { name: "RFB", config: { backbone: "rfb" }, weights: sharedFile("weights/RBF_Final.pth") },
  { name: "YuNet-n", onnx: sharedFile("weights/peers/yunet_n_dynamic.onnx") },
];
