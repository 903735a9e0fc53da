export { acquireJpegKernels, type JpegKernels, releaseJpegKernels } from "./kernels.js";
export { Component, Huffman, Scan, Tap } from "./records.js";
