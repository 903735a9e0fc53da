import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { encodePng } from "retinaface-webgpu/node";
import { Random } from "./random.js";
import { makeSample } from "./train-samples.js";

/** A drawn picture and its faces, corners in pixels. */
export interface LabelledPicture {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly (readonly number[])[];
  readonly labels: readonly string[];
}

/** Class names, in the order of their numbers. */
export const CLASSES = ["bare", "mask"];

/** Writes drawn pictures with two faces each, but for every tenth, which is given none. */
export function drawPictures(folder: string, count: number, side = 64): LabelledPicture[] {
  const random = new Random(25);
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: count }, (_, i) => {
    const { image, boxes } = makeSample(random, side, 2);
    const name = `${String(i).padStart(3, "0")}.png`;
    writeFileSync(path.join(folder, name), encodePng(image));
    const corners = [0, 1].map((f) =>
      [...boxes.subarray(f * 4, f * 4 + 4)].map((v) => Math.round(v * side)),
    );
    const kept = i % 10 === 9 ? [] : corners;
    const labels = kept.map((_, f) => CLASSES[(i + f) % 2]);
    return { name, width: side, height: side, boxes: kept, labels };
  });
}

/** The text of a COCO file. */
export function cocoOf(pictures: readonly LabelledPicture[]): string {
  const annotations = pictures.flatMap(({ boxes, labels }, image) =>
    boxes.map(([x1, y1, x2, y2], f) => ({
      image_id: image,
      category_id: CLASSES.indexOf(labels[f]),
      bbox: [x1, y1, x2 - x1, y2 - y1],
    })),
  );
  const images = pictures.map(({ name, width, height }, id) => ({
    id,
    file_name: name,
    width,
    height,
  }));
  const categories = CLASSES.map((name, id) => ({ id, name }));
  return JSON.stringify({ images, annotations, categories }, null, 1);
}

/** The text of a CSV file with a header; a picture without faces has a row of its own. */
export function csvOf(pictures: readonly LabelledPicture[]): string {
  const rows = pictures.flatMap(({ name, width, height, boxes, labels }) =>
    boxes.length === 0
      ? [`${name},${width},${height},,,,,`]
      : boxes.map((box, f) => `${name},${width},${height},${labels[f]},${box.join(",")}`),
  );
  return ["filename,width,height,class,xmin,ymin,xmax,ymax", ...rows, ""].join("\n");
}

/** The text of one picture's YOLO file. */
export function yoloOf({ width, height, boxes, labels }: LabelledPicture): string {
  const rows = boxes.map(([x1, y1, x2, y2], f) =>
    [
      CLASSES.indexOf(labels[f]),
      (x1 + x2) / 2 / width,
      (y1 + y2) / 2 / height,
      (x2 - x1) / width,
      (y2 - y1) / height,
    ].join(" "),
  );
  return rows.map((row) => `${row}\n`).join("");
}

/** The text of "CVAT for images 1.1". */
export function cvatOf(pictures: readonly LabelledPicture[]): string {
  const images = pictures.map(({ name, width, height, boxes, labels }, id) => {
    const shapes = boxes.map(
      ([x1, y1, x2, y2], f) =>
        `  <box label="${labels[f]}" xtl="${x1}" ytl="${y1}" xbr="${x2}" ybr="${y2}" occluded="0"/>`,
    );
    const head = ` <image id="${id}" name="${name}" width="${width}" height="${height}">`;
    return [head, ...shapes, " </image>"].join("\n");
  });
  return `<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n${images.join("\n")}\n</annotations>\n`;
}

/** The text of Label Studio's JSON export of uploaded pictures. */
export function labelStudioOf(pictures: readonly LabelledPicture[]): string {
  const tasks = pictures.map(({ name, width, height, boxes, labels }) => ({
    data: { image: `/data/upload/1/0a1b2c3d-${name}` },
    annotations: [
      {
        was_cancelled: false,
        result: boxes.map(([x1, y1, x2, y2], f) => ({
          type: "rectanglelabels",
          original_width: width,
          original_height: height,
          value: {
            x: (x1 / width) * 100,
            y: (y1 / height) * 100,
            width: ((x2 - x1) / width) * 100,
            height: ((y2 - y1) / height) * 100,
            rotation: 0,
            rectanglelabels: [labels[f]],
          },
        })),
      },
    ],
  }));
  return JSON.stringify(tasks, null, 1);
}

/** The text of Open Images' boxes; pictures without faces are not in it. */
export function openImagesOf(pictures: readonly LabelledPicture[]): string {
  const rows = pictures.flatMap(({ name, width, height, boxes, labels }) =>
    boxes.map(([x1, y1, x2, y2], f) =>
      [
        name.replace(/\.\w+$/, ""),
        "xclick",
        `/m/${labels[f]}`,
        1,
        ...[x1 / width, x2 / width, y1 / height, y2 / height],
        ...[0, 0, 0, 0, 0],
      ].join(","),
    ),
  );
  const head =
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside";
  return [head, ...rows, ""].join("\n");
}

/** Writes a YOLO set: `data.yaml`, `images/train`, `labels/train`. @returns the path of `data.yaml` */
export function writeYolo(folder: string, pictures: readonly LabelledPicture[]): string {
  const labels = path.join(folder, "labels", "train");
  mkdirSync(labels, { recursive: true });
  for (const picture of pictures) {
    writeFileSync(path.join(labels, picture.name.replace(/\.\w+$/, ".txt")), yoloOf(picture));
  }
  const names = CLASSES.map((name, number) => `  ${number}: ${name}`).join("\n");
  const file = path.join(folder, "data.yaml");
  writeFileSync(file, `path: .\ntrain: images/train\nval: images/val\nnames:\n${names}\n`);
  return file;
}
