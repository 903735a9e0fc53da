/** The compiled `assembly/`, deflated, as base64; `tools/kernels-wasm.mjs` makes `dist/wasm-binary.js`. */
declare const base64: string;
export default base64;
