export { MeshBranch, type MeshBranchOptions, type SeenMeshes } from "./branch/branch.js";
export { HINT_LENGTH, hintOf } from "./branch/hints.js";
export {
  CORNERS,
  type HostMap,
  type MapPlace,
  PATCH_POINTS,
  type PatchSamples,
  patchesOf,
  patchOnHost,
  type Square,
  samplesOf,
  squareAround,
} from "./branch/patches.js";
export { cameraOfNumbers, lightOfNumbers } from "./branch/scene.js";
export { applySparse, ChebConv, chebConv } from "./cheb-conv.js";
export { type DecodedMeshes, MeshDecoder, type MeshDecoderOptions } from "./decoder.js";
export {
  drawOnHost,
  type HostPicture,
  type HostScene,
  projectOnHost,
} from "./generate/draw.js";
export { type GeneratedHead, HeadGenerator } from "./generate/heads.js";
export { edgeLoss, pixelLoss, vertexLoss } from "./losses.js";
export {
  CAMERA_LENGTH,
  cameraRotation,
  type ImageSize,
  project,
} from "./render/camera.js";
export { LIGHT_LENGTH, shade } from "./render/light.js";
export { type CameraPlace, cameraFor, type Pose, poseOfCamera } from "./render/pose.js";
export { MeshRenderer, type Rendering, type Scene } from "./render/renderer.js";
export { Topology } from "./render/topology.js";
export {
  type Csr,
  csrOf,
  disposeCsr,
  type Entry,
  entriesOf,
  transposeCsr,
  uploadCsr,
} from "./sparse.js";
export { faceTemplate } from "./template/face.js";
export { FACE_LANDMARKS, landmarksOf } from "./template/landmarks.js";
export { adjacency, largestEigenvalue, scaledLaplacian } from "./template/laplacian.js";
export { parseObj, type TexturedMesh } from "./template/obj.js";
export { type Simplified, simplify, type TriangleMesh } from "./template/simplify.js";
export {
  type LevelData,
  type MeshLevel,
  type MeshTemplate,
  makeTemplateData,
  type TemplateData,
  templateOf,
} from "./template/template.js";
