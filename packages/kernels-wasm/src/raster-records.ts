/** Drawing of triangles and its gradients: one record, as in `records.ts`. */
export enum Raster {
  /** [n, v, 3]: x, y, depth. */
  positions = 4,
  /** [t, 3], integers. */
  triangles,
  /** [n, t, 4], integers: left, top, right, bottom. */
  bounds,
  /** [n, h, w], integers. */
  triangle,
  /** [n, h, w, 3]. */
  barycentrics,
  /** [n, h, w]: one over the depth of what is drawn. */
  closeness,
  /** [n, v, c]. */
  values,
  /** What comes in of a gradient. */
  gradient,
  output,
  batch,
  vertices,
  /** Of triangles. */
  count,
  height,
  width,
  channels,
  /** Triangles, rows of an image or pixels of a chunk. */
  chunkSize,
  size,
}
