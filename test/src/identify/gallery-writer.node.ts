/** Saves a gallery again and again, with one picture more each time, until it is killed. */
import { existsSync, writeSync } from "node:fs";
import { GalleryFile } from "../../../packages/identify/dist/gallery/file.node.js";

const DIMENSIONS = 512;
/** So that a save takes a while: 2 MiB. */
const PICTURES = 1000;

const [, , file] = process.argv;
const opened = existsSync(file)
  ? await GalleryFile.open(file)
  : GalleryFile.create(file, { model: "m", dimensions: DIMENSIONS });
const { gallery } = opened;
const vector = (n: number) =>
  Float32Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(n * i + 1));
if (gallery.size === 0) {
  gallery.enrol(
    "first",
    Array.from({ length: PICTURES }, (_, n) => vector(n)),
  );
  await opened.save();
}
for (;;) {
  gallery.enrol("more", [vector(gallery.pictures)]);
  writeSync(1, "begin\n");
  await opened.save();
  writeSync(1, "saved\n");
}
