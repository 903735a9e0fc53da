import { unpackTemplate } from "./codec.js";
import { FACE } from "./face-data.js";
import { type MeshTemplate, templateOf } from "./template.js";

let made: MeshTemplate | undefined;

/**
 * MediaPipe's canonical face (468 vertices, 898 triangles; see the package's `assets`) with coarser meshes of 234, 117, 58 and
 * 29 vertices. In centimetres; x to the left of the face (the right of who looks at it) from the plane of its symmetry, y up,
 * z forward, each from the mean of the vertices but for x.
 */
export function faceTemplate(): MeshTemplate {
  made ??= templateOf(unpackTemplate(FACE));
  return made;
}
