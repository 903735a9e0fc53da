#!/usr/bin/env node
// Makes packages/retinaface/dist/browser/retinaface.js and the packages' programs (dist/program) from the compiled
// packages; a part of `npm run build`.
import { bundleDetector, bundlePrograms } from "./lib/bundle.mjs";

await bundleDetector();
await bundlePrograms();
