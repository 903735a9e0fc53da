#!/usr/bin/env node
// Makes packages/retinaface/dist/browser/retinaface.js from the compiled packages; a part of `npm run build`.
import { bundleDetector } from "./lib/bundle.mjs";

await bundleDetector();
