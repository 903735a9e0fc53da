import { faceLike, hasLandmarks } from "../decode/face.js";
import { type Face, LANDMARK_NAMES, type Landmarks, type Point } from "../types.js";

type Box = Face["box"];

/** Intersection over union where sides count both end pixels, as suppression here has it. */
function overlapOf(a: Box, b: Box): number {
  const side = (low: number, high: number) => Math.max(0, high - low + 1);
  const area = ([x1, y1, x2, y2]: Box) => side(x1, x2) * side(y1, y2);
  const both =
    side(Math.max(a[0], b[0]), Math.min(a[2], b[2])) *
    side(Math.max(a[1], b[1]), Math.min(a[3], b[3]));
  return both / (area(a) + area(b) - both);
}

/** The class with the highest sum of scores among those who vote; the first of equals. */
export function votedClass<Name>(
  votes: readonly { readonly name: Name; readonly score: number }[],
): Name {
  const sums = new Map<Name, number>();
  for (const { name, score } of votes) sums.set(name, (sums.get(name) ?? 0) + score);
  const most = Math.max(...sums.values());
  return [...sums].find(([, sum]) => sum === most)![0];
}

/** The mean of the voters' numbers, weighted by score; the leader's where all score 0. */
function meanOf(voters: readonly Face[], numbers: (face: Face) => readonly number[]): number[] {
  const weight = voters.reduce((sum, { score }) => sum + score, 0);
  const [leader, ...others] = voters.map((face) => ({ score: face.score, own: numbers(face) }));
  if (!(weight > 0)) return [...leader.own];
  const all = [leader, ...others];
  return leader.own.map(
    (_, i) => all.reduce((sum, { score, own }) => sum + score * own[i], 0) / weight,
  );
}

function landmarksOf(voters: readonly Face[]): Landmarks {
  const named = LANDMARK_NAMES.map((name): [string, Point] => {
    const [x, y] = meanOf(voters, ({ landmarks }) => landmarks[name]);
    return [name, [x, y]];
  });
  return Object.fromEntries(named) as unknown as Landmarks;
}

/** Numbers of further heads, of the voters that have them. */
function valuesOf(voters: readonly Face[]): Pick<Face, "values"> {
  const names = new Set(voters.flatMap(({ values = {} }) => Object.keys(values)));
  const means = [...names].map((name): [string, number[]] => {
    const having = voters.filter(({ values }) => values?.[name]);
    return [name, meanOf(having, ({ values }) => values![name])];
  });
  return means.length > 0 ? { values: Object.fromEntries(means) } : {};
}

/** One face of those that are the same, best first. */
function merged(voters: readonly Face[]): Face {
  const [leader] = voters;
  if (voters.length === 1) return leader;
  const votes = voters.map(({ score, label, class: name }) => ({ score, name: { label, name } }));
  const label = votedClass(votes.map(({ score, name }) => ({ score, name: name.label })));
  const name = votedClass(votes.map(({ score, name }) => ({ score, name: name.name })));
  return faceLike(leader, {
    box: meanOf(voters, ({ box }) => box) as Face["box"],
    score: leader.score,
    ...(voters.every(hasLandmarks) && { landmarks: landmarksOf(voters) }),
    ...(label !== undefined && { label }),
    ...(name !== undefined && { class: name }),
    ...valuesOf(voters),
  });
}

/**
 * Merges faces that several passes over one image found, by box voting (Gidaris & Komodakis, "Object detection via a
 * multi-region & semantic segmentation-aware CNN model", 2015): from the best score down, a face and all others that overlap
 * it by at least `threshold` become their mean, weighted by score, with the best score and the class with the highest sum
 * of scores. IoU counts both end pixels, as non-maximum suppression here does.
 */
export function voteFaces(faces: readonly Face[], threshold: number): Face[] {
  let rest = [...faces].sort((a, b) => b.score - a.score);
  const voted: Face[] = [];
  while (rest.length > 0) {
    const [leader] = rest;
    const isVoter = (face: Face) => face === leader || overlapOf(leader.box, face.box) >= threshold;
    voted.push(merged(rest.filter(isVoter)));
    rest = rest.filter((face) => !isVoter(face));
  }
  return voted;
}
