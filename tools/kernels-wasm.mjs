#!/usr/bin/env node
// Makes packages/kernels-wasm/dist/wasm-binary.js from its assembly; a part of `npm run build`.
import { buildKernels } from "./lib/kernels-wasm.mjs";

await buildKernels();
