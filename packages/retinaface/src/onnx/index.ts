/** Detectors as ONNX models: `retinaface-webgpu/onnx`. Needs `@retinaface-webgpu/onnx`. */
export { type ExportDetectorOptions, exportDetector, type OnnxOutputs } from "./export.js";
