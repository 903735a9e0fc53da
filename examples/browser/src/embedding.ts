/** What the worker needs of the package that turns faces into numbers; loaded when its weights are chosen. */
export { Embedder } from "@retinaface-webgpu/identify";
