/** Face meshes: their switch, which only weights with the branch show, their lines in the picture, and the file of them. */
import type { Face, FaceMesh } from "retinaface-webgpu";
import { save, stem } from "./downloads.js";
import type { Cutoffs } from "./faces.js";
import { page } from "./page.js";

const LINE = "rgb(64 240 150 / 55%)";

/** Shows the switch where the weights have the branch. */
export function offerMeshes(offered: boolean): void {
  page.meshes.hidden = !offered;
  page.saveMeshes.hidden = !offered;
}

/** Which faces are to have a mesh; undefined for none. */
export function wantedMeshes(cutoffs: Cutoffs): Cutoffs | undefined {
  return !page.meshes.hidden && page.showMeshes.checked ? cutoffs : undefined;
}

const meshesOf = (faces: readonly Face[]): FaceMesh[] => faces.flatMap(({ mesh }) => mesh ?? []);

/** Whether there is something to keep. */
export function noteMeshes(faces: readonly Face[]): void {
  page.saveMeshes.disabled = meshesOf(faces).length === 0;
}

/** Downloads the meshes on show as binary glTF. */
export async function saveMeshes(name: string, faces: readonly Face[]): Promise<void> {
  const { glbOf } = await import("./gltf.js");
  const bytes = await glbOf(meshesOf(faces));
  save(new Blob([bytes as BlobPart], { type: "model/gltf-binary" }), `${stem(name)}.glb`);
}

/** Draws the triangles of a mesh that look towards the viewer. */
export function drawMesh(
  context: CanvasRenderingContext2D,
  { vertices, triangles }: FaceMesh,
  { scale, ratio }: { readonly scale: number; readonly ratio: number },
): void {
  context.beginPath();
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = Array.from(triangles.subarray(t, t + 3), (v) => [
      vertices[3 * v] * scale,
      vertices[3 * v + 1] * scale,
    ]);
    const [[ax, ay], [bx, by], [cx, cy]] = corners;
    if ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay) >= 0) continue;
    context.moveTo(ax, ay);
    context.lineTo(bx, by);
    context.lineTo(cx, cy);
    context.closePath();
  }
  context.lineWidth = 0.6 * ratio;
  context.strokeStyle = LINE;
  context.stroke();
}
