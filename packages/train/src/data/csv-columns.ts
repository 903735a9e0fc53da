import { LANDMARK_NAMES } from "retinaface-webgpu";
import { DataError } from "../errors.js";
import { parseNumber } from "./numbers.js";

/** Which cell of a row holds what, counted from 0. */
export type CsvColumns = ReadonlyMap<string, number>;

/** The four numbers of a box, in the ways that files write it. */
const BOXES = [
  ["x1", "y1", "x2", "y2"],
  ["x", "y", "w", "h"],
  ["cx", "cy", "w", "h"],
  ["x1", "y1", "w", "h"],
] as const;

/** The landmarks' columns, x and y of each. */
export const LANDMARK_COLUMNS = LANDMARK_NAMES.flatMap((_, i) => [`p${i + 1}x`, `p${i + 1}y`]);

/** What a column may be called, in small letters and digits alone; the first that a header has counts. */
const CALLED: Readonly<Record<string, readonly string[]>> = {
  image: [
    ...["image", "filename", "imagefilename", "file", "imagepath", "filepath", "path", "img"],
    ...["imagename", "imgname", "imgpath", "imageid", "imgid", "photo"],
  ],
  x1: ["x1", "xmin", "left", "xtl", "x0", "bboxx1", "boxx1"],
  y1: ["y1", "ymin", "top", "ytl", "y0", "bboxy1", "boxy1"],
  x2: ["x2", "xmax", "right", "xbr", "bboxx2", "boxx2"],
  y2: ["y2", "ymax", "bottom", "ybr", "bboxy2", "boxy2"],
  x: ["x", "bboxx", "boxx"],
  y: ["y", "bboxy", "boxy"],
  w: ["w", "boxw", "bboxw", "boxwidth", "bboxwidth"],
  h: ["h", "boxh", "bboxh", "boxheight", "bboxheight"],
  cx: ["cx", "xcenter", "xcentre", "centerx", "centrex"],
  cy: ["cy", "ycenter", "ycentre", "centery", "centrey"],
  width: ["width", "imagewidth", "imgwidth", "imwidth"],
  height: ["height", "imageheight", "imgheight", "imheight"],
  label: ["label", "class", "classname", "category", "labelname", "name"],
  ignored: ["ignored", "ignore", "difficult", "iscrowd", "isgroupof", "invalid"],
  p1x: ["p1x", "lefteyex"],
  p1y: ["p1y", "lefteyey"],
  p2x: ["p2x", "righteyex"],
  p2y: ["p2y", "righteyey"],
  p3x: ["p3x", "nosex"],
  p3y: ["p3y", "nosey"],
  p4x: ["p4x", "leftmouthx", "mouthleftx"],
  p4y: ["p4y", "leftmouthy", "mouthlefty"],
  p5x: ["p5x", "rightmouthx", "mouthrightx"],
  p5y: ["p5y", "rightmouthy", "mouthrighty"],
};

const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The columns of the box that a file has; undefined where none is whole. */
export function boxColumns(columns: CsvColumns): (typeof BOXES)[number] | undefined {
  return BOXES.find((names) => names.every((name) => columns.has(name)));
}

const isUsable = (columns: CsvColumns) => columns.has("image") && boxColumns(columns) !== undefined;

/** What a header's names tell. `width` and `height` are the box's where it has no other size. */
function guess(header: readonly string[]): CsvColumns {
  const names = header.map(plain);
  const columns = new Map<string, number>();
  for (const [role, called] of Object.entries(CALLED)) {
    const at = called.map((name) => names.indexOf(name)).find((index) => index >= 0);
    if (at !== undefined) columns.set(role, at);
  }
  if (boxColumns(columns)) return columns;
  for (const [size, side] of [
    ["width", "w"],
    ["height", "h"],
  ]) {
    const at = columns.get(size);
    if (at === undefined || columns.has(side)) continue;
    columns.set(side, at);
    columns.delete(size);
  }
  return columns;
}

const HOW_TO_SAY =
  "say columns= in the SPEC, in the file's order (columns=image,x1,y1,x2,y2,label; - for one that is not read) " +
  "or by the header's names (columns=image:photo,x1:links,…)";

/** Roles in the file's order, or `role:name` of a header. */
function given(text: string, header: readonly string[]): CsvColumns {
  const columns = new Map<string, number>();
  for (const [i, entry] of text.split(",").entries()) {
    const [role, name] = entry.split(":").map((part) => part.trim());
    if (role === "-" || role === "") continue;
    if (!(role in CALLED)) {
      const roles = Object.keys(CALLED).join(", ");
      throw new DataError(`columns=${text}: "${role}" is none of ${roles}.`);
    }
    const at = name === undefined ? i : header.indexOf(name);
    if (at < 0) {
      throw new DataError(
        `columns=${text}: the header has no "${name}", but ${header.join(", ")}: mend the name.`,
      );
    }
    if (columns.has(role)) throw new DataError(`columns=${text}: ${role} stands there twice.`);
    columns.set(role, at);
  }
  if (isUsable(columns)) return columns;
  throw new DataError(
    `columns=${text}: it needs image and a box, as x1,y1,x2,y2, as x,y,w,h or as cx,cy,w,h.`,
  );
}

/** Whether the first row holds names: no number where the box has one. */
function isHeader(row: readonly string[], columns: CsvColumns): boolean {
  const cells = boxColumns(columns)!.map((name) => row[columns.get(name)!] ?? "");
  return cells.some((cell) => cell !== "" && Number.isNaN(parseNumber(cell)));
}

/**
 * Finds the columns of a CSV file.
 *
 * @param first the file's first row
 * @param text the SPEC's `columns`, where it has them
 * @returns the columns, and whether the first row is a header
 * @throws {DataError} where image or box cannot be told, with what to say
 */
export function findColumns(first: readonly string[], file: string, text?: string) {
  if (text !== undefined) {
    const columns = given(text, first);
    return { columns, hasHeader: text.includes(":") || isHeader(first, columns) };
  }
  const columns = guess(first);
  if (isUsable(columns)) return { columns, hasHeader: true };
  const lacks = columns.has("image") ? "a box" : "an image";
  throw new DataError(
    `${file}:1: no column for ${lacks} can be told from ${first.join(", ")}: ${HOW_TO_SAY}.`,
  );
}
