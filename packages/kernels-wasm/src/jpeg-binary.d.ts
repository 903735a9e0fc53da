/** The compiled `assembly/jpeg`, as base64; `tools/kernels-wasm.mjs` makes `dist/jpeg-binary.js`. */
declare const base64: string;
export default base64;
