import { DataError } from "@retinaface-webgpu/train";
import { say } from "@retinaface-webgpu/train/node";
import { Command, Option } from "commander";
import { OptionError } from "retinaface-webgpu";
import {
  backendOptions,
  eachPhoto,
  JsonLines,
  Outputs,
  overwriteOption,
  type Streams,
} from "retinaface-webgpu/node";
import type { IdentityImage } from "../data/split.js";
import { GalleryFile } from "../gallery/file.node.js";
import type { Combine, Gallery, GalleryThreshold } from "../gallery/gallery.js";
import { openSearch } from "../gallery/search.js";
import { thresholdFromStrangers, thresholdLeavingOut } from "../gallery/strangers.js";
import { locateEmbedder, weightsFrom } from "./embedder-weights.js";
import { identitiesIn } from "./identities.js";
import { Looker } from "./looker.js";
import { oneFace } from "./one-face.js";
import {
  checkLook,
  combineOption,
  farOption,
  type LookValues,
  lookOptions,
  thresholdOption,
} from "./options.js";

export interface EnrolValues extends LookValues {
  readonly out: string;
  readonly add?: boolean;
  readonly overwrite?: boolean;
  readonly largest?: boolean;
  readonly combine?: Combine;
  readonly unknown?: string;
  readonly far: number;
  readonly threshold?: number;
}

/** A picture with its vector, where there is one. */
interface Enrolled {
  readonly photo: IdentityImage;
  readonly line: object;
  readonly vector: Float32Array;
}

/** Rates below this share of an expected stranger are not measured but hoped for. */
const FEWEST_EXPECTED = 1;

async function runEnrol(
  folder: string,
  values: EnrolValues,
  streams: Streams = { stdout: process.stdout, stderr: process.stderr },
): Promise<void> {
  checkLook(values);
  const photos = await identitiesIn(folder);
  const strangers = await identitiesIn(values.unknown);
  const known = values.add ? await GalleryFile.open(values.out) : undefined;
  if (known && values.combine !== undefined && values.combine !== known.gallery.combine) {
    throw new OptionError(
      `${values.out} combines by ${known.gallery.combine}: leave out --combine`,
    );
  }
  const weights = locateEmbedder(
    values.weights,
    known && { file: values.out, weights: known.gallery.weights },
  );
  const read = [...photos.images, ...strangers.images].map(({ file }) => file);
  const inputs = [...read, weights, values.detector];
  const outputs = new Outputs({ overwrite: values.overwrite || values.add, inputs });
  await outputs.check(values.out);
  const looker = await Looker.load({ ...values, weights });
  let file: GalleryFile;
  let failed: number;
  try {
    known?.gallery.requireModel(looker.embedder.fingerprint);
    file = known ?? newGallery(values, weights, looker);
    const found = await lookAt(photos.images, looker, values, streams);
    const unknown = await lookAt(strangers.images, looker, values, streams, { isStranger: true });
    failed = found.failed + unknown.failed + photos.failed + strangers.failed;
    addAll(file.gallery, found.enrolled);
    if (file.gallery.size === 0) throw new DataError(`no picture of ${folder} could be enrolled`);
    file.gallery.threshold = await chooseThreshold(
      file.gallery,
      unknown.enrolled.map(({ vector }) => vector),
      values,
    );
  } finally {
    looker.dispose();
  }
  await file.save({ replace: values.overwrite });
  const { size: identities, pictures, threshold, model, combine } = file.gallery;
  const written = { gallery: values.out, identities, pictures, combine, threshold, model };
  await new JsonLines(streams.stdout).write(written);
  if (failed > 0) process.exitCode = 1;
}

function newGallery(values: EnrolValues, weights: string, { embedder }: Looker): GalleryFile {
  const { out, combine } = values;
  return GalleryFile.create(out, {
    model: embedder.fingerprint,
    dimensions: embedder.dimension,
    combine,
    weights: weightsFrom(out, weights),
  });
}

/** Looks at pictures, a line each. */
async function lookAt(
  photos: readonly IdentityImage[],
  looker: Looker,
  { largest }: EnrolValues,
  streams: Streams,
  { isStranger = false } = {},
): Promise<{ enrolled: Enrolled[]; failed: number }> {
  const enrolled: Enrolled[] = [];
  if (photos.length === 0) return { enrolled, failed: 0 };
  const byFile = new Map(photos.map((photo) => [photo.file, photo]));
  const failed = await eachPhoto<{ dispose(): void }, Enrolled>({
    photos,
    load: async () => ({ dispose: () => undefined }),
    look: async ({ file }, turn, { decoders }) => {
      const { image } = await decoders.decode(file, {});
      await turn.here;
      const face = oneFace(await looker.faces(image), { largest });
      const [vector] = await looker.vectors([face]);
      return { photo: byFile.get(file)!, line: face.line, vector };
    },
    noteOf: () => undefined,
    lineOf: (one) => {
      enrolled.push(one);
      const whose = isStranger ? { stranger: true } : { id: one.photo.identity };
      return { file: one.photo.file, ...whose, ...one.line };
    },
    streams,
  });
  return { enrolled, failed };
}

/** Adds pictures that are not there yet. */
function addAll(gallery: Gallery, enrolled: readonly Enrolled[]): void {
  let twice = 0;
  for (const { photo, vector } of enrolled) {
    if (gallery.holds(photo.identity, vector)) twice++;
    else gallery.enrol(photo.identity, [vector]);
  }
  if (twice > 0) say(`${twice} pictures are enrolled already: they are left out`);
}

/** The threshold that is asked for, else one that is chosen on strangers; none where there is nobody to choose it on. */
async function chooseThreshold(
  gallery: Gallery,
  strangers: readonly Float32Array[],
  { threshold, far, backend, threads }: EnrolValues,
): Promise<GalleryThreshold | undefined> {
  if (threshold !== undefined) return { value: threshold };
  if (strangers.length === 0 && gallery.threshold?.strangers === "given") {
    say("the threshold stays as it was chosen before: give --unknown to choose it anew");
    return gallery.threshold;
  }
  if (strangers.length === 0 && gallery.size < 2) {
    say(
      "no threshold: one identity alone does not tell how alike strangers are. Give pictures of them, --unknown DIR, or " +
        "a --threshold; until then match says who is most similar, not who it is",
    );
    return undefined;
  }
  const search = await openSearch(gallery, { backend, threads });
  try {
    const chosen =
      strangers.length > 0
        ? await thresholdFromStrangers(search, strangers, far)
        : await thresholdLeavingOut(gallery, search, far);
    tellThreshold(chosen);
    return chosen;
  } finally {
    search.dispose();
  }
}

function tellThreshold({ value, far = 0, trials = 0, strangers }: GalleryThreshold): void {
  const whose =
    strangers === "given" ? "pictures of strangers" : "pictures, each against the others";
  say(`threshold ${value.toFixed(4)}: a share of ${far} at most of ${trials} ${whose} is accepted`);
  if (far * trials >= FEWEST_EXPECTED) return;
  say(
    `${trials} pictures are too few for a rate of ${far}: the threshold lies just above the most similar of them. ` +
      "Give more, with --unknown DIR, or a larger --far",
  );
}

/** `identify enrol`. */
export function enrolCommand(): Command {
  const command = new Command("enrol")
    .description("make a gallery of pictures: a folder for each identity, named by it")
    .argument("<folder>", "holds one folder for each identity")
    .requiredOption("--out <file>", "gallery to write, such as people.gallery");
  for (const option of lookOptions()) command.addOption(option);
  for (const option of backendOptions()) command.addOption(option);
  return command
    .option("--largest", "of several faces in a picture take the largest")
    .addOption(combineOption())
    .addOption(farOption())
    .option(
      "--unknown <dir>",
      "pictures of strangers to choose the threshold on, a folder for each (default: each identity is one to the others)",
    )
    .addOption(thresholdOption("similarity from which on it is somebody, instead of choosing it"))
    .addOption(new Option("--add", "add to the gallery that is there").conflicts("overwrite"))
    .addOption(overwriteOption())
    .action((folder: string, values: EnrolValues) => runEnrol(folder, values));
}
