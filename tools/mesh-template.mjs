#!/usr/bin/env node
// Makes packages/mesh/src/template/face-data.ts: the face's coarser meshes, from packages/mesh/assets/canonical_face_model.obj.
// With --check it changes nothing; exit code 1: the file is another. Takes seconds.
import { readFileSync } from "node:fs";
import path from "node:path";
import { makeTemplateData, parseObj } from "../packages/mesh/dist/index.js";
import { packTemplate, rounded, UV_UNIT } from "../packages/mesh/dist/template/codec.js";
import { writeWhole } from "./lib/files.mjs";
import { root } from "./lib/paths.mjs";

/** Centimetres. */
const UNIT = 0.0005;
const COUNTS = [234, 117, 58, 29];
const CHARACTERS = 92;

const folder = path.join(root, "packages/mesh");
const file = path.join(folder, "src/template/face-data.ts");

/** The mesh about its plane of symmetry, and otherwise about the mean of its vertices. */
function centred(positions) {
  const axis = (k) => Array.from(positions).filter((_, i) => i % 3 === k);
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const x = axis(0);
  const centre = [(Math.min(...x) + Math.max(...x)) / 2, mean(axis(1)), mean(axis(2))];
  return Array.from(positions, (v, i) => v - centre[i % 3]);
}

function faceData() {
  const mesh = parseObj(readFileSync(path.join(folder, "assets/canonical_face_model.obj"), "utf8"));
  const positions = rounded(centred(mesh.positions), UNIT);
  const uv = rounded(mesh.uv, UV_UNIT);
  const { words, ...rest } = packTemplate(
    makeTemplateData({ ...mesh, positions, uv }, COUNTS),
    UNIT,
  );
  const lines = words.match(new RegExp(`.{1,${CHARACTERS}}`, "g"));
  const levels = rest.levels.map(
    ({ vertices, triangles, largestEigenvalue }) =>
      `    { vertices: ${vertices}, triangles: ${triangles}, largestEigenvalue: ${largestEigenvalue} },`,
  );
  return `/**
 * Made by tools/mesh-template.mjs from MediaPipe's canonical face model, Copyright The MediaPipe Authors, Apache-2.0; see
 * this package's assets. Changed: moved to its middle, rounded, simplified.
 */
import type { PackedTemplate } from "./codec.js";

export const FACE: PackedTemplate = {
  unit: ${rest.unit},
  levels: [
${levels.join("\n")}
  ],
  words: [
${lines.map((line) => `    "${line}",`).join("\n")}
  ].join(""),
};
`;
}

const data = faceData();
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== data) {
    process.stderr.write(
      "face-data.ts is not what the template gives: run node tools/mesh-template.mjs\n",
    );
    process.exitCode = 1;
  }
} else {
  writeWhole(file, data);
}
