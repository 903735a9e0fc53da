import type { FaceMesh } from "../types.js";

/** Digits of a coordinate behind the point: hundredths of a pixel would show on small faces. */
const DIGITS = 4;

/**
 * Meshes as a Wavefront OBJ, an object each. Coordinates are the image's in pixels, y up and z towards the viewer as usual
 * there, so that the image's upper left corner is the origin and y falls below 0; colours follow the coordinates, as many
 * programs read them.
 */
export function meshObj(meshes: readonly FaceMesh[]): string {
  const lines = ["# x, y and z in pixels of the image, y up, z towards the viewer"];
  let before = 0;
  for (const [i, { vertices, colours, uv, triangles }] of meshes.entries()) {
    const count = vertices.length / 3;
    lines.push(`o face${i + 1}`);
    for (let v = 0; v < count; v++) {
      const [x, y, z] = vertices.subarray(3 * v, 3 * v + 3);
      const place = [x, -y, -z].map((value) => value.toFixed(DIGITS));
      const colour = Array.from(colours.subarray(3 * v, 3 * v + 3), (c) => c.toFixed(DIGITS));
      lines.push(`v ${[...place, ...colour].join(" ")}`);
    }
    for (let v = 0; v < count; v++) {
      lines.push(`vt ${uv[2 * v].toFixed(6)} ${uv[2 * v + 1].toFixed(6)}`);
    }
    for (let t = 0; t < triangles.length; t += 3) {
      const corners = Array.from(triangles.subarray(t, t + 3), (v) => before + v + 1);
      lines.push(`f ${corners.map((v) => `${v}/${v}`).join(" ")}`);
    }
    before += count;
  }
  return `${lines.join("\n")}\n`;
}
