import { parseNumber, parseNumbers } from "./numbers.js";
import type { ReadResult } from "./record.js";
import { type FaceInput, type ImageSource, type Problem, RecordBuilder } from "./record.js";

const IMAGE_NAME = /\.(jpe?g|png|webp|bmp)$/i;

/** How a reader turns a path in a label file into an image. */
export type ResolveImage = (path: string) => ImageSource;

/** Boxes without landmarks, with the five points and their flags, and with the blur score behind. */
const ROW_LENGTHS = [4, 19, 20];

function parseLabelRow(row: string): FaceInput | string {
  const values = parseNumbers(row);
  if (!values) return `not numbers: "${row.trim()}"`;
  if (!ROW_LENGTHS.includes(values.length)) {
    return `a face has ${ROW_LENGTHS.join(", ")} numbers, not ${values.length}`;
  }
  const [x, y, w, h] = values;
  const face: FaceInput = { box: [x, y, x + w, y + h], label: "face" };
  if (values.length === 4) return face;
  const landmarks: number[] = [];
  for (let i = 4; i < 19; i += 3) {
    const [px, py, flag] = values.slice(i, i + 3);
    if (flag === -1 || (px === -1 && py === -1)) return face;
    landmarks.push(px, py);
  }
  return { ...face, landmarks };
}

/**
 * Reads RetinaFace's `label.txt`: `# path`, then a row `x y w h` + 5 × `x y flag` + `blur` a face.
 * Landmarks of −1 are absent (Deng et al., "RetinaFace", 2019, published them for 76k faces).
 */
export function parseWiderLabels(text: string, file: string, resolve: ResolveImage): ReadResult {
  const problems: Problem[] = [];
  const builders: RecordBuilder[] = [];
  for (const [i, raw] of text.split("\n").entries()) {
    const row = raw.trim();
    const line = i + 1;
    if (row === "") continue;
    if (row.startsWith("#")) {
      const path = row.slice(1).trim();
      if (path === "") problems.push({ file, line, message: "an image without a path" });
      else builders.push(new RecordBuilder(path, resolve(path)));
      continue;
    }
    const builder = builders.at(-1);
    if (!builder) {
      problems.push({ file, line, message: 'a face before the first "# path"' });
      continue;
    }
    const face = parseLabelRow(row);
    const message = typeof face === "string" ? face : builder.add(face);
    if (message) problems.push({ file, line, message });
  }
  return { records: builders.map((builder) => builder.build()), problems };
}

function parseGroundTruthRow(row: string): FaceInput | string {
  const values = parseNumbers(row);
  if (!values) return `not numbers: "${row}"`;
  if (values.length !== 4 && values.length !== 10) {
    return `a face has 4 or 10 numbers, not ${values.length}`;
  }
  const [x, y, w, h] = values;
  return { box: [x, y, x + w, y + h], label: "face", ignored: values[7] === 1 };
}

/**
 * Reads WIDER FACE's `wider_face_*_bbx_gt.txt`: a path, the number of faces, then a row
 * `x y w h blur expression illumination invalid occlusion pose` a face (one row of zeros for none).
 * Faces marked invalid are ignored ones.
 */
export function parseWiderGroundTruth(
  text: string,
  file: string,
  resolve: ResolveImage,
): ReadResult {
  const problems: Problem[] = [];
  const builders: RecordBuilder[] = [];
  let announced: number | undefined;
  let rows = 0;
  let pathLine = 0;
  const checkCount = () => {
    if (builders.length === 0) return;
    const expected = announced === 0 ? 1 : announced;
    if (expected === undefined || (rows !== expected && !(announced === 0 && rows === 0))) {
      const message = `${announced ?? "no number of"} faces announced, ${rows} rows follow`;
      problems.push({ file, line: pathLine, message });
    }
  };
  for (const [i, raw] of text.split("\n").entries()) {
    const row = raw.trim();
    const line = i + 1;
    if (row === "") continue;
    if (IMAGE_NAME.test(row)) {
      checkCount();
      builders.push(new RecordBuilder(row, resolve(row)));
      announced = undefined;
      rows = 0;
      pathLine = line;
      continue;
    }
    const builder = builders.at(-1);
    if (!builder) {
      problems.push({ file, line, message: "a row before the first image path" });
    } else if (announced === undefined && rows === 0 && /^\d+$/.test(row)) {
      announced = parseNumber(row);
    } else {
      rows++;
      const face = parseGroundTruthRow(row);
      if (announced === 0 && typeof face !== "string" && face.box.every((v) => v === 0)) continue;
      const message = typeof face === "string" ? face : builder.add(face);
      if (message) problems.push({ file, line, message });
    }
  }
  checkCount();
  return { records: builders.map((builder) => builder.build()), problems };
}

/** Reads either of WIDER FACE's label formats, told apart by the first line. */
export function parseWider(text: string, file: string, resolve: ResolveImage): ReadResult {
  return text.trimStart().startsWith("#")
    ? parseWiderLabels(text, file, resolve)
    : parseWiderGroundTruth(text, file, resolve);
}
