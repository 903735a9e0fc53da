export { escapeText } from "retinaface-webgpu";
