import { DataError, seededRandom } from "@retinaface-webgpu/train";
import { OptionError } from "retinaface-webgpu";
import { groupBy } from "./group.js";

/** A picture and whom it shows. */
export interface IdentityImage {
  readonly file: string;
  readonly identity: string;
  /** Below the identity's folder, with slashes. */
  readonly name: string;
}

/** Which pictures are asked about: those of an identity's last groups, of groups from one on, or a share at random. */
export type QueryRule =
  | { readonly kind: "last"; readonly count: number }
  | { readonly kind: "from"; readonly key: string }
  | { readonly kind: "share"; readonly share: number };

/** How pictures are divided. */
export interface IdentitySplitOptions {
  /** Identities never trained on: so many at random, or those whose names match. */
  readonly holdOut: number | RegExp;
  /**
   * Pictures belong together (those of a day, of a film) whose names it matches with the same text: all groups in
   * parentheses one after the other, or without any the whole match. What it does not match is left out.
   */
  readonly group?: RegExp | undefined;
  readonly query: QueryRule;
  readonly seed: number;
}

/** Pictures of a set of identities. */
export interface GalleryAndQuery {
  /** Known before: what is trained on and enrolled. */
  readonly gallery: readonly IdentityImage[];
  readonly query: readonly IdentityImage[];
}

/** Pictures in their roles. */
export interface IdentitySplit {
  /** Identities that are trained on, by their gallery. */
  readonly seen: GalleryAndQuery;
  /** Identities that are not. */
  readonly unseen: GalleryAndQuery;
  /** Pictures without a group. */
  readonly leftOut: readonly IdentityImage[];
}

/**
 * Which pictures are asked about, from a text: `last:N` (an identity's N last groups), `from:KEY` (groups from that on, as
 * texts or, where both are numbers, as numbers) or `share:X`.
 *
 * @throws {OptionError} for anything else
 */
export function parseQueryRule(text: string): QueryRule {
  const [, kind, value] = /^(last|from|share):(.+)$/.exec(text) ?? [];
  const number = Number(value);
  if (kind === "last" && Number.isSafeInteger(number) && number >= 1)
    return { kind, count: number };
  if (kind === "from") return { kind, key: value };
  if (kind === "share" && number > 0 && number < 1) return { kind, share: number };
  throw new OptionError(
    `"${text}" names no pictures: give last:N, from:KEY or share:X with X below 1`,
  );
}

/** A regular expression from a text. @throws {OptionError} where it is none */
export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (error) {
    throw new OptionError(`"${text}" is no pattern: ${(error as Error).message}`);
  }
}

/** The group of a picture; undefined where the pattern does not match. */
export function groupOf(name: string, pattern: RegExp): string | undefined {
  const found = pattern.exec(name);
  if (!found) return undefined;
  const parts = found.slice(1).filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join("") : found[0];
}

/** Order of groups: as numbers where both are, else as texts. */
function compareKeys(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isFinite(x) && Number.isFinite(y)) return x - y;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Divides pictures into those that are known before and those that are asked about, and keeps identities back that are
 * never trained on. The same input and seed give the same division.
 *
 * @throws {DataError} where nothing is left to train on or more identities are to be kept back than there are
 * @throws {OptionError} for groups that are asked for without a pattern
 */
export function splitIdentities(
  images: readonly IdentityImage[],
  options: IdentitySplitOptions,
): IdentitySplit {
  const { group, query, holdOut, seed } = options;
  if (!group && query.kind !== "share") {
    throw new OptionError(`${query.kind} speaks of groups: give the pattern that tells them apart`);
  }
  const keyOf = (image: IdentityImage) => (group ? groupOf(image.name, group) : image.name);
  const leftOut = images.filter((image) => keyOf(image) === undefined);
  const known = images.filter((image) => keyOf(image) !== undefined);
  const byIdentity = groupBy(known, ({ identity }) => identity);
  const kept = heldOut([...byIdentity.keys()], holdOut, seed);
  const roles = { seen: emptyRoles(), unseen: emptyRoles() };
  for (const [index, [identity, own]] of [...byIdentity].entries()) {
    const { gallery, query: asked } = kept.has(identity) ? roles.unseen : roles.seen;
    const isQuery = queryTest(own, (image) => keyOf(image)!, query, seededRandom(seed, 1, index));
    for (const image of own) (isQuery(image) ? asked : gallery).push(image);
  }
  if (new Set(roles.seen.gallery.map(({ identity }) => identity)).size < 2) {
    throw new DataError(
      "Fewer than two identities are left to train on: keep fewer back, or ask about fewer pictures.",
    );
  }
  return { ...roles, leftOut };
}

const emptyRoles = () => ({ gallery: [] as IdentityImage[], query: [] as IdentityImage[] });

function heldOut(
  identities: readonly string[],
  holdOut: number | RegExp,
  seed: number,
): ReadonlySet<string> {
  if (typeof holdOut !== "number") return new Set(identities.filter((name) => holdOut.test(name)));
  if (holdOut >= identities.length) {
    throw new DataError(
      `${holdOut} identities are to be kept back, and there are ${identities.length}: keep fewer back.`,
    );
  }
  const order = seededRandom(seed, 0).shuffle([...identities].sort());
  return new Set(order.slice(0, holdOut));
}

/** Tells the pictures of an identity that are asked about; one at least stays known, where there are two groups. */
function queryTest(
  images: readonly IdentityImage[],
  keyOf: (image: IdentityImage) => string,
  rule: QueryRule,
  random: ReturnType<typeof seededRandom>,
): (image: IdentityImage) => boolean {
  if (rule.kind === "from") return (image) => compareKeys(keyOf(image), rule.key) >= 0;
  const keys = [...new Set(images.map(keyOf))].sort(compareKeys);
  const ordered = rule.kind === "share" ? random.shuffle(keys) : keys;
  const count = rule.kind === "share" ? Math.round(rule.share * keys.length) : rule.count;
  const asked = new Set(ordered.slice(Math.max(1, ordered.length - count)));
  return (image) => asked.has(keyOf(image));
}

/** At most `count` pictures of each identity, evenly spread over those that it has. */
export function someOfEach(images: readonly IdentityImage[], count: number): IdentityImage[] {
  return [...groupBy(images, ({ identity }) => identity).values()].flatMap((all) => {
    if (all.length <= count) return all;
    return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]);
  });
}
