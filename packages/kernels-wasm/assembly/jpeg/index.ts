/** JPEG's inner loops, and scaling. Not part of the kernels of networks. */
export { greyRow, mixRows, spreadColumns, spreadRows, widenRow, yccRow } from "./colour";
export { finishBlocks } from "./idct";
export { decodeProgressive } from "./progressive";
export { addRow, storeRow, sumRow } from "./resize";
export { decodeMcus } from "./scan";

/** Where memory is free from. */
export function heapBase(): usize {
  return __heap_base;
}
