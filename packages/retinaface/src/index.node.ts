/** What commands need of Node: `retinaface-webgpu/node`. */
export { readConfigFile } from "./cli/config-file.js";
export { WriteError, writeFileAtomic } from "./cli/files.js";
export { JsonLines, type Streams } from "./cli/lines.js";
export { type Progress, startProgress } from "./cli/progress.js";
export { encodePng } from "./draw/png.node.js";
