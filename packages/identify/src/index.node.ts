/** What needs Node's file system or threads: `@retinaface-webgpu/identify/node`. */

export { type IdentityFolder, readIdentities } from "./data/folders.node.js";
export { GalleryFile, MOST_GALLERY_BYTES } from "./gallery/file.node.js";
export {
  EmbedderRun,
  type EmbedderRunInput,
  type EmbedderRunListener,
  type EmbedderRunResult,
  embedPictures,
} from "./training/run.node.js";
export {
  type EmbedderMetric,
  type EmbedderProgress,
  type EmbedderRunDescription,
  EmbedderRunFiles,
  type EmbedderValidation,
} from "./training/run-files.node.js";
