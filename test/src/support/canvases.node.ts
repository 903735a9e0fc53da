/** Counts, in the page or worker that it is given to, the canvases with which pixels are read. */
export function countCanvases(): void {
  const counted = globalThis as unknown as { canvases: number };
  counted.canvases = 0;
  const { getContext } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.getContext = function (
    this: OffscreenCanvas,
    ...args: Parameters<typeof getContext>
  ) {
    counted.canvases++;
    return getContext.apply(this, args);
  } as typeof getContext;
}

/** How many they were since `countCanvases`. */
export const canvasesOf = (place: { evaluate<R>(run: () => R): Promise<R> }): Promise<number> =>
  place.evaluate(() => (globalThis as unknown as { canvases: number }).canvases);
