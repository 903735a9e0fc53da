export { MESH_HEAD } from "../model/heads.js";
export { type FaceMesh, LEAST_MESH_SIDE } from "../types.js";
export { meshObj } from "./obj.js";
export { drawMeshes } from "./overlay.js";
export { registerMesh } from "./register.js";
