import { say } from "@retinaface-webgpu/train/node";
import { Command } from "commander";
import { backendOptions, eachPhoto, findPhotos, type Streams } from "retinaface-webgpu/node";
import type { Answer } from "../gallery/answer.js";
import { GalleryFile } from "../gallery/file.node.js";
import type { Combine, Gallery } from "../gallery/gallery.js";
import { type GallerySearch, openSearch } from "../gallery/search.js";
import { locateEmbedder } from "./embedder-weights.js";
import { Looker, type PlacedFace } from "./looker.js";
import {
  checkLook,
  combineOption,
  countOption,
  galleryOption,
  type LookValues,
  lookOptions,
  thresholdOption,
} from "./options.js";

export interface MatchValues extends LookValues {
  readonly gallery: string;
  readonly limit: number;
  readonly threshold?: number;
  readonly combine?: Combine;
}

interface Matched {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly faces: readonly PlacedFace[];
  readonly answers: readonly Answer[];
}

/** What faces are matched with. */
interface Matcher {
  readonly looker: Looker;
  readonly search: GallerySearch;
  dispose(): void;
}

async function openMatcher(values: MatchValues): Promise<Matcher> {
  const { gallery } = await GalleryFile.open(values.gallery);
  const { backend, threads, combine } = values;
  sayThreshold(gallery, values);
  const weights = locateEmbedder(values.weights, {
    file: values.gallery,
    weights: gallery.weights,
  });
  const looker = await Looker.load({ ...values, weights });
  try {
    gallery.requireModel(looker.embedder.fingerprint);
    const search = await openSearch(gallery, { backend, threads, combine });
    const dispose = () => {
      search.dispose();
      looker.dispose();
    };
    return { looker, search, dispose };
  } catch (error) {
    looker.dispose();
    throw error;
  }
}

/** Says what is wrong with the threshold, if anything is. */
function sayThreshold(gallery: Gallery, { gallery: file, threshold, combine }: MatchValues): void {
  if (threshold !== undefined) return;
  if (gallery.threshold === undefined) {
    say(
      `${file} has no threshold: it is told who is most similar, not who it is; give --threshold`,
    );
  } else if (combine !== undefined && combine !== gallery.combine) {
    say(
      `the threshold of ${file} is for combine ${gallery.combine}, and says little of ${combine}: give --threshold`,
    );
  }
}

async function runMatch(
  args: string[],
  values: MatchValues,
  streams: Streams = { stdout: process.stdout, stderr: process.stderr },
): Promise<void> {
  checkLook(values);
  const { limit, threshold } = values;
  const failed = await eachPhoto<Matcher, Matched>({
    photos: await findPhotos(args),
    load: () => openMatcher(values),
    look: async ({ file }, turn, { decoders, loading }) => {
      const { image } = await decoders.decode(file, {});
      const { looker, search } = await loading;
      await turn.here;
      const faces = await looker.faces(image);
      const vectors = await looker.vectors(faces);
      const answers = await search.match(vectors, { limit, threshold });
      return { file, width: image.width, height: image.height, faces, answers };
    },
    noteOf: () => undefined,
    lineOf: lineOf,
    streams,
  });
  if (failed > 0) process.exitCode = 1;
}

function lineOf({ file, width, height, faces, answers }: Matched): object {
  return {
    file,
    width,
    height,
    faces: faces.map(({ line }, i) => ({ ...line, ...answerLine(answers[i]) })),
  };
}

/** Millionths of a similarity. */
function answerLine({ identity, matches }: Answer): object {
  return {
    ...(identity !== undefined && { identity }),
    matches: matches.map(({ id, similarity }) => ({
      id,
      similarity: Number(similarity.toFixed(6)),
    })),
  };
}

/** `identify match`. */
export function matchCommand(): Command {
  const command = new Command("match")
    .description("say who the faces of photos are; null is nobody in the gallery. A JSON line each")
    .argument("<photos...>", "files, folders or glob patterns")
    .addOption(galleryOption());
  for (const option of lookOptions()) command.addOption(option);
  for (const option of backendOptions()) command.addOption(option);
  return command
    .addOption(
      countOption("--limit <n>", "identities told of each face, most similar first").default(5),
    )
    .addOption(thresholdOption("similarity from which on it is somebody (default: the gallery's)"))
    .addOption(combineOption())
    .action((photos: string[], values: MatchValues) => runMatch(photos, values));
}
