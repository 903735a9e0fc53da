import { existsSync } from "node:fs";
import path from "node:path";
import { DataError } from "../errors.js";
import { filesBelow, firstDirectory, imagesBelow, isDirectory, sizesIn } from "./folders.node.js";
import { readText } from "./read-text.node.js";
import { yoloFile } from "./recognise.node.js";
import type { FaceRecord, Problem } from "./record.js";
import type { DataPart } from "./spec.js";
import { parseYolo, type YoloSet } from "./yolo.js";
import { parseYoloData, type YoloData } from "./yolo-data.js";

/** A picture of a set and where its labels would be. */
interface Pair {
  /** The picture's path from the folder that ids are relative to. */
  readonly id: string;
  readonly image: string;
  readonly labels: string;
}

interface Pairs {
  readonly pairs: readonly Pair[];
  /** Folders of nothing but labels. */
  readonly labelFolders: readonly string[];
}

/** Text files of labelling programs that are no labels. */
const NO_LABELS = /(^|\/)(classes|labels|train|val|test|README[^/]*)\.txt$/i;

const labelNameOf = (image: string) => image.replace(/\.\w+$/, ".txt");

/** Where Ultralytics looks for a picture's labels: `images` in its path, the last one, becomes `labels`. */
function labelsBeside(image: string): string {
  const parts = labelNameOf(image).split(path.sep);
  const at = parts.lastIndexOf("images");
  if (at >= 0) parts[at] = "labels";
  return parts.join(path.sep);
}

/** Classes by number of `classes.txt`, as LabelImg and others write it: a name a line. */
function readClasses(folders: readonly string[]): Map<number, string> {
  const file = folders
    .map((folder) => path.join(folder, "classes.txt"))
    .find((name) => existsSync(name));
  const names = file === undefined ? [] : readText(file).split("\n");
  return new Map([...names.map((name) => name.trim()).entries()].filter(([, name]) => name !== ""));
}

/** A folder of pictures and labels without a `data.yaml`. */
function pairsOfFolder(part: DataPart): Pairs & { readonly set: YoloSet } {
  const { path: folder } = part;
  const images = part.images ?? firstDirectory([path.join(folder, "images")]) ?? folder;
  const labels = firstDirectory([path.join(folder, "labels")]) ?? folder;
  const pairs = imagesBelow(images).map((id) => ({
    id,
    image: path.join(images, id),
    labels: path.join(labels, labelNameOf(id)),
  }));
  return { pairs, labelFolders: [labels], set: { names: readClasses([folder, labels]) } };
}

/** The folder or list that a `data.yaml` names; its own folder counts where `path` leads nowhere. */
function findListed(file: string, { root }: YoloData, listed: string): string {
  const own = path.dirname(file);
  const bases = [...(root === undefined ? [] : [path.resolve(own, root)]), own];
  const names = [listed, listed.replace(/^(\.\.\/)+/, "")];
  const candidates = bases.flatMap((base) => names.map((name) => path.resolve(base, name)));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found) return found;
  throw new DataError(
    `${file} names ${listed}, which is not there (looked for ${[...new Set(candidates)].join(", ")}): mend its path.`,
  );
}

function imagesListed(listed: string): string[] {
  if (isDirectory(listed)) return imagesBelow(listed).map((id) => path.join(listed, id));
  const lines = readText(listed).split("\n");
  const names = lines.map((line) => line.trim()).filter((line) => line !== "");
  return names.map((name) => path.resolve(path.dirname(listed), name));
}

/** Pictures of a part of a `data.yaml`. Ids are relative to its folder of images, or to the set where it has several. */
function pairsOfData(file: string, part: DataPart): Pairs & { readonly set: YoloSet } {
  const data = parseYoloData(readText(file), file);
  const name = part.part ?? "train";
  const listed = data.parts[name];
  if (!listed) {
    const there = Object.keys(data.parts).map((key) => `part=${key}`);
    throw new DataError(
      `${file} has no ${name}; there ${there.length > 0 ? `are ${there.join(", ")}: say one of them` : "is none of train, val, test: add one"}.`,
    );
  }
  const places = listed.map((entry) => findListed(file, data, entry));
  const base = places.length === 1 && isDirectory(places[0]) ? places[0] : path.dirname(file);
  const pairs = places.flatMap(imagesListed).map((image) => ({
    id: path.relative(base, image).split(path.sep).join("/"),
    image,
    labels: labelsBeside(image),
  }));
  const folders = places.filter(isDirectory).map((place) => labelsBeside(path.join(place, "x.x")));
  const labelFolders = folders.map((folder) => path.dirname(folder)).filter(isDirectory);
  return { pairs, labelFolders, set: data };
}

/** Label files that belong to no picture of the part. */
function strayLabels({ pairs, labelFolders }: Pairs): Problem[] {
  const known = new Set(pairs.map(({ labels }) => path.resolve(labels)));
  return labelFolders
    .flatMap((folder) => filesBelow(folder, /\.txt$/i).map((name) => path.join(folder, name)))
    .filter((file) => !NO_LABELS.test(file) && !known.has(path.resolve(file)))
    .map((file) => ({ file, line: 1, message: "there is no picture for these labels" }));
}

/** Reads a YOLO set: `data.yaml`, a folder with it, or one with pictures and labels. */
export function readYolo(part: DataPart) {
  const yaml = isDirectory(part.path) ? yoloFile(part.path) : part.path;
  const found = yaml ? pairsOfData(yaml, part) : pairsOfFolder(part);
  const labelled = found.pairs.filter(({ labels }) => existsSync(labels));
  if (labelled.length === 0) {
    const example = found.pairs[0];
    throw new DataError(
      `No picture of ${part.path} has labels${example ? `: ${example.labels} would be those of ${example.image}` : ""}. ` +
        "Give a data.yaml, or a folder with images/ and labels/.",
    );
  }
  const records: FaceRecord[] = [];
  const problems = strayLabels(found);
  for (const { id, image, labels } of found.pairs) {
    const size = sizesIn("", part)(image);
    if (!size) {
      problems.push({ file: image, message: "its size cannot be read, which shares are of" });
      continue;
    }
    const text = existsSync(labels) ? readText(labels) : "";
    const read = parseYolo(text, labels, { id, image, ...size }, found.set);
    records.push(...read.records);
    problems.push(...read.problems);
  }
  const bare = found.pairs.length - labelled.length;
  if (bare > 0) {
    const message = `${bare} of ${found.pairs.length} pictures have no label file: taken as pictures without faces`;
    problems.push({ file: part.path, message });
  }
  const files = labelled.map(({ labels }) => labels);
  return { records, problems, files: yaml ? [yaml, ...files] : files };
}
