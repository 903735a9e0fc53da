#!/usr/bin/env node
// Writes the list of works under attribution licences that the package's weights were trained on, from the manifest of the
// photos: packages/retinaface/weights/ATTRIBUTION.md. Run it when the training photos change.
// Usage: node tools/attributions.mjs [--manifest FILE] [--leave-out PATTERN] [--out FILE]
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { root } from "./lib/paths.mjs";

const COLUMNS = ["photo", "repository@commit", "blob", "licence"];
/** Licences that ask for attribution. */
const ATTRIBUTION = /\bCC BY\b/;
const LICENCES = {
  "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
  "CC BY-SA 4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
  "CC BY 2.0": "https://creativecommons.org/licenses/by/2.0/",
  "CC BY-SA 2.0": "https://creativecommons.org/licenses/by-sa/2.0/",
};
/** Digits of a blob's name: enough for git to find it. */
const BLOB_DIGITS = 12;
const PER_LINE = 8;

/** Data that come with no manifest. */
const OTHERS = [
  "- 160 portraits of the Face Research Lab London set and others, as in",
  "  [webmorphR.stim](https://github.com/debruine/webmorphR.stim) (Lisa DeBruine), with their landmarks:",
  "  [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). Cropped, scaled, turned and recoloured for training.",
];

/**
 * Photos of a manifest, a tab between its columns.
 * @throws {Error} naming the line that is no photo
 */
export function readManifest(text) {
  const [head, ...rows] = text.split(/\r?\n/).filter((row) => row.trim() !== "");
  if (head !== COLUMNS.join("\t")) {
    throw new Error(
      `the manifest's first line is not ${COLUMNS.join(", ")}: give data/photos/MANIFEST.tsv`,
    );
  }
  return rows.map((row, i) => {
    const [photo, source, blob, licence] = row.split("\t");
    const [, repository, commit] = /^([\w.-]+\/[\w.-]+)@([0-9a-f]{7,40})$/.exec(source ?? "") ?? [];
    if (!repository || !/^[0-9a-f]{40}$/.test(blob) || !licence) {
      throw new Error(`line ${i + 2} of the manifest is no photo: ${row}`);
    }
    return { photo, repository, commit, blob, licence };
  });
}

function licenceLink(licence) {
  const known = Object.keys(LICENCES).find((name) => licence.includes(name));
  return known ? licence.replace(known, `[${known}](${LICENCES[known]})`) : licence;
}

/** Works by repository, commit and licence, the most first. */
function groupsOf(works) {
  const groups = new Map();
  for (const work of works) groups.set(keyOf(work), [...(groups.get(keyOf(work)) ?? []), work]);
  return [...groups.values()].sort(
    (a, b) => b.length - a.length || (keyOf(a[0]) < keyOf(b[0]) ? -1 : 1),
  );
}

const keyOf = ({ repository, commit, licence }) => `${repository}@${commit} ${licence}`;

function section(works) {
  const [{ repository, commit, licence }] = works;
  const blobs = works.map(({ blob }) => blob.slice(0, BLOB_DIGITS)).sort();
  const lines = [];
  for (let i = 0; i < blobs.length; i += PER_LINE)
    lines.push(blobs.slice(i, i + PER_LINE).join(" "));
  return [
    `## ${repository}`,
    "",
    `${works.length} ${works.length === 1 ? "work" : "works"}, ${licenceLink(licence)}, of ` +
      `[${repository} at ${commit}](https://github.com/${repository}/tree/${commit}):`,
    "",
    "```text",
    ...lines,
    "```",
    "",
  ];
}

/**
 * The page of attributions.
 * @param {RegExp} leaveOut names of photos that nothing was trained on
 */
export function attributionsPage(photos, leaveOut) {
  const trained = photos.filter(({ photo }) => !leaveOut.test(photo));
  const owed = trained.filter(({ licence }) => ATTRIBUTION.test(licence));
  const free = trained.length - owed.length;
  return [
    "# Attribution",
    "",
    "Weights made by the recipes `photos` and `light` in `packages/train/recipes` learn from photographs, and none",
    "of these is in the package. What is under a Creative Commons licence that asks for attribution is listed here with where it",
    `is published; its authors are named there, and the licences apply as linked. These are ${owed.length} of the ${trained.length} photos; the`,
    `other ${free} are works of the US Government, in the public domain or without known restrictions. All are cropped, scaled,`,
    "turned and recoloured in training.",
    "",
    "A work is named by its git blob in the repository: `git log --all --find-object=BLOB` tells its file. Made by",
    "`node tools/attributions.mjs` from the photos' manifest.",
    "",
    ...OTHERS,
    "",
    ...groupsOf(owed).flatMap(section),
  ].join("\n");
}

function main() {
  const { values } = parseArgs({
    options: {
      manifest: { type: "string", default: path.join(root, "../shared/data/photos/MANIFEST.tsv") },
      "leave-out": { type: "string", default: "-[01]" },
      out: {
        type: "string",
        default: path.join(root, "packages/retinaface/weights/ATTRIBUTION.md"),
      },
    },
  });
  const photos = readManifest(readFileSync(values.manifest, "utf8"));
  writeFileSync(values.out, attributionsPage(photos, new RegExp(values["leave-out"])));
  console.error(`written to ${path.relative(process.cwd(), values.out)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    console.error(`attributions: ${error.message}`);
    process.exitCode = 1;
  }
}
