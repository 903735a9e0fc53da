/** What commands need of Node: `retinaface-webgpu/node`. */
export { readConfigFile } from "./cli/config-file.js";
export { eachPhoto, type PhotoWork, type Tools } from "./cli/each-photo.js";
export {
  OutputExistsError,
  WriteError,
  type WriteFileOptions,
  writeFileAtomic,
} from "./cli/files.js";
export { JsonLines, type Streams } from "./cli/lines.js";
export { backendOptions, overwriteOption, SCALE_TEXT } from "./cli/options.js";
export { makeFolder, type OutputOptions, Outputs } from "./cli/outputs.js";
export { findPhotos, type Photo } from "./cli/photos.js";
export { type Progress, startProgress } from "./cli/progress.js";
export { reportError, withPrintableOutput } from "./cli/report.js";
export { errorLine, faceLine, type PhotoFound, photoLine } from "./detect/line.js";
export { encodePng } from "./draw/png.node.js";
export { whyUnreadable } from "./platform/why-unreadable.node.js";
export { printable, printableJson, printableLines } from "./printable.js";
export { cacheFolder } from "./weights/cache.node.js";
export { type LocatedWeights, locateWeights, readNamedWeights } from "./weights/locate.node.js";
