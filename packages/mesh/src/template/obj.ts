import { TensorError } from "@retinaface-webgpu/tensor/inference";

/** A triangle mesh whose vertices have texture coordinates. */
export interface TexturedMesh {
  /** [v, 3]. */
  readonly positions: Float64Array;
  /** [v, 2], from the lower left corner of the texture. */
  readonly uv: Float64Array;
  /** [t, 3]: vertices from 0, anticlockwise seen from outside. */
  readonly triangles: Int32Array;
}

/**
 * Reads a Wavefront OBJ file of triangles whose corners name a vertex and the texture coordinate of the same number.
 *
 * @throws TensorError `MESH_FILE` naming the line that is otherwise
 */
export function parseObj(text: string): TexturedMesh {
  const [positions, uv, triangles]: number[][] = [[], [], []];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const [kind, ...fields] = line.trim().split(/\s+/);
    if (kind === "v") positions.push(...numbers(fields, 3, i));
    else if (kind === "vt") uv.push(...numbers(fields, 2, i));
    else if (kind === "f") triangles.push(...corners(fields, i));
  }
  const count = positions.length / 3;
  const most = triangles.reduce((a, b) => Math.max(a, b), -1);
  if (count === 0 || uv.length !== count * 2 || most >= count) {
    throw new TensorError(
      "MESH_FILE",
      `The OBJ file has ${count} vertices, ${uv.length / 2} texture coordinates and triangles up to vertex ${most + 1}: ` +
        "give one with a texture coordinate for each vertex.",
    );
  }
  return {
    positions: Float64Array.from(positions),
    uv: Float64Array.from(uv),
    triangles: Int32Array.from(triangles),
  };
}

function wrong(line: number, what: string): TensorError {
  return new TensorError("MESH_FILE", `Line ${line + 1} of the OBJ file is no ${what}.`);
}

function numbers(fields: readonly string[], count: number, line: number): number[] {
  const values = fields.slice(0, count).map(Number);
  if (values.length === count && values.every(Number.isFinite)) return values;
  throw wrong(line, `${count} numbers`);
}

function corners(fields: readonly string[], line: number): number[] {
  const pairs = fields.map((field) => field.split("/").map(Number));
  const fits = pairs.every(([v, vt = v]) => Number.isInteger(v) && v > 0 && v === vt);
  if (pairs.length === 3 && fits) return pairs.map(([v]) => v - 1);
  throw wrong(line, "triangle whose texture coordinates have the numbers of its vertices");
}
