import { readFile } from "node:fs/promises";
import path from "node:path";
import { DataError } from "@retinaface-webgpu/train";
import { formatTable, printJson, say } from "@retinaface-webgpu/train/node";
import { whyUnreadable } from "retinaface-webgpu/node";
import type { IdentityImage } from "../data/split.js";
import {
  foldAccuracy,
  type LfwPair,
  type LfwPicture,
  lfwName,
  parsePairs,
} from "../evaluation/lfw.js";
import { similarity } from "../evaluation/pairs.js";
import { evaluateVerification } from "../evaluation/verification.js";
import { embedFaces } from "./embed-faces.js";
import { EvaluationFiles } from "./evaluation-files.js";
import { identitiesIn } from "./identities.js";
import { Looker } from "./looker.js";
import type { LookValues } from "./options.js";
import { sayVerification } from "./say-verification.js";

export interface PairsValues extends LookValues {
  readonly pairs: string;
  readonly weights: string;
  readonly largest?: boolean;
  readonly out?: string;
  readonly overwrite?: boolean;
}

/** Verification by the pairs of a list in LFW's form, with pictures in its layout: `NAME/NAME_0001.jpg`. */
export async function evaluatePairs(folder: string, values: PairsValues): Promise<void> {
  const pairs = parsePairs(await readPairs(values.pairs));
  const photos = picturesOf(pairs, (await identitiesIn(folder)).images, folder);
  const inputs = [...photos.values()].map(({ file }) => file);
  const files = await EvaluationFiles.open({
    ...values,
    inputs: [...inputs, values.pairs, values.weights, values.detector],
  });
  const looker = await Looker.load(values);
  try {
    const { pictures, failed } = await embedFaces([...photos.values()], looker, values);
    const vectors = new Map(pictures.map(({ file, vector }) => [file, vector]));
    const vectorOf = (picture: LfwPicture) => vectors.get(photos.get(lfwName(picture))!.file);
    const scored = pairs.flatMap(({ first, second, same, fold }) => {
      const [a, b] = [vectorOf(first), vectorOf(second)];
      return a && b ? [{ same, fold, score: similarity(a, b) }] : [];
    });
    const folds = foldAccuracy(scored);
    const scores = {
      genuine: scored.filter(({ same }) => same).map(({ score }) => score),
      impostor: scored.filter(({ same }) => !same).map(({ score }) => score),
    };
    const verification = evaluateVerification(scores);
    const facts = {
      data: folder,
      pairs: values.pairs,
      model: looker.embedder.fingerprint,
      pictures: pictures.length,
      failed,
      pairsLeftOut: pairs.length - scored.length,
    };
    await files.write({ facts, scores, figures: { verification, folds } });
    sayVerification(verification);
    say(
      formatTable(
        ["folds", "accuracy", "standard error"],
        [[folds.folds.length, folds.accuracy, folds.standardError]],
      ),
    );
    printJson({ ...facts, folds, verification });
    if (failed > 0) process.exitCode = 1;
  } finally {
    looker.dispose();
  }
}

async function readPairs(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new DataError(`cannot read ${file}: ${whyUnreadable(cause)}`, { cause });
  }
}

/** The pictures that pairs name, by LFW's names. @throws DataError where one is not there */
function picturesOf(
  pairs: readonly LfwPair[],
  photos: readonly IdentityImage[],
  folder: string,
): Map<string, IdentityImage> {
  const nameOf = ({ identity, file }: IdentityImage) => `${identity}/${path.parse(file).name}`;
  const there = new Map<string, IdentityImage>(photos.map((photo) => [nameOf(photo), photo]));
  const wanted = new Map<string, IdentityImage>();
  for (const picture of pairs.flatMap(({ first, second }) => [first, second])) {
    const name = lfwName(picture);
    const photo = there.get(name);
    if (!photo)
      throw new DataError(`${folder} has no picture ${name}: the pairs are of other data.`);
    wanted.set(name, photo);
  }
  return wanted;
}
