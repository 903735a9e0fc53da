import { annotate } from "../draw/annotate.js";
import { meshObj } from "../mesh/obj.js";
import { drawMeshes } from "../mesh/overlay.js";
import type { Face } from "../types.js";
import type { CopyMaker } from "./detect.js";

const meshesOf = (faces: readonly Face[]) => faces.flatMap(({ mesh }) => (mesh ? [mesh] : []));

/** What `detect --mesh` writes of a photo: a picture with the meshes over the faces, and the meshes. */
export const MESH_COPIES: readonly CopyMaker[] = [
  {
    extensionOf: () => ".png",
    make: (_, image, faces, encode) => {
      const without = faces.filter(({ mesh }) => !mesh);
      return encode("rgb-png", annotate(drawMeshes(image, faces), without));
    },
  },
  {
    extensionOf: () => ".obj",
    make: (_, __, faces) => new TextEncoder().encode(meshObj(meshesOf(faces))),
  },
];
