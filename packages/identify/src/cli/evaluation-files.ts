import path from "node:path";
import { encodePng, makeFolder, Outputs } from "retinaface-webgpu/node";
import { type ConfusedPictures, confusionSheet } from "../evaluation/confusion-sheet.js";
import type { Confusion } from "../evaluation/identification.js";
import { similarity } from "../evaluation/pairs.js";
import { cmcPlot, openSetPlot, verificationPlots } from "../evaluation/plots.js";
import { type IdentityEvaluation, renderIdentityReport } from "../evaluation/report.js";
import { type PairScores, rocCurve, type Verification } from "../evaluation/verification.js";
import { type EmbeddedPhoto, faceOf } from "./embed-faces.js";
import type { Looker } from "./looker.js";

/** What is shown of an evaluation. */
export interface Evaluated {
  readonly facts: Readonly<Record<string, string | number>>;
  readonly scores: PairScores;
  readonly figures: IdentityEvaluation & { readonly verification: Verification };
  /** Identification of identities that are held out. */
  readonly unseen?: IdentityEvaluation | undefined;
  readonly confusions?: Confused | undefined;
}

/** Who was taken for whom, with what their pictures are found by. */
export interface Confused {
  readonly confusions: readonly Confusion[];
  readonly enrolled: readonly EmbeddedPhoto[];
  readonly queries: readonly EmbeddedPhoto[];
  readonly looker: Looker;
}

const NAMES = {
  report: "report.html",
  metrics: "metrics.json",
  roc: "roc.svg",
  similarities: "similarities.svg",
  cmc: "cmc.svg",
  openSet: "open-set.svg",
  confusions: "confusions.png",
} as const;

/** Rows of the sheet. */
const MOST_SHOWN = 12;

/** The files of an evaluation, in a folder where one is asked for. */
export class EvaluationFiles {
  readonly #folder: string | undefined;
  readonly #outputs: Outputs;

  private constructor(folder: string | undefined, outputs: Outputs) {
    this.#folder = folder;
    this.#outputs = outputs;
  }

  /** @throws OutputExistsError, WriteError before any work is done */
  static async open(options: {
    readonly out?: string;
    readonly overwrite?: boolean;
    readonly inputs: readonly (string | undefined)[];
  }): Promise<EvaluationFiles> {
    const { out, overwrite, inputs } = options;
    const outputs = new Outputs({ overwrite, inputs });
    if (out !== undefined) {
      await makeFolder(out);
      await outputs.check(...Object.values(NAMES).map((name) => path.join(out, name)));
    }
    return new EvaluationFiles(out, outputs);
  }

  /** Writes what there is to show. */
  async write({ facts, scores, figures, unseen, confusions }: Evaluated): Promise<void> {
    if (this.#folder === undefined) return;
    const { verification, closedSet, openSet } = figures;
    const plots = {
      ...verificationPlots(scores, rocCurve(scores), verification),
      ...(closedSet && { cmc: cmcPlot(closedSet) }),
      ...(openSet && { openSet: openSetPlot(openSet) }),
    };
    for (const [key, svg] of Object.entries(plots)) {
      await this.#writeText(NAMES[key as keyof typeof plots], svg);
    }
    const sheet = confusions && (await sheetOf(confusions));
    if (sheet) await this.#write(NAMES.confusions, sheet);
    const page = renderIdentityReport({
      ...figures,
      unseen,
      title: "Identification",
      facts,
      plots: Object.values(plots),
      confusions: sheet && `data:image/png;base64,${Buffer.from(sheet).toString("base64")}`,
    });
    await this.#writeText(
      NAMES.metrics,
      `${JSON.stringify({ ...facts, ...figures, ...(unseen && { unseen }) })}\n`,
    );
    await this.#writeText(NAMES.report, page);
  }

  #writeText(name: string, text: string): Promise<void> {
    return this.#write(name, new TextEncoder().encode(text));
  }

  #write(name: string, bytes: Uint8Array): Promise<void> {
    return this.#outputs.write(path.join(this.#folder!, name), bytes);
  }
}

/** The surest mistakes as a PNG. */
async function sheetOf(confused: Confused): Promise<Uint8Array | undefined> {
  const { confusions, queries, looker } = confused;
  if (confusions.length === 0) return undefined;
  const rows: ConfusedPictures[] = [];
  for (const confusion of confusions.slice(0, MOST_SHOWN)) {
    const query = queries[confusion.query];
    const [taken, own] = [confusion.taken, confusion.truth].map((id) =>
      nearest(confused, query, id),
    );
    const [first, second, third] = [
      await faceOf(query, looker, { largest: true }),
      await faceOf(taken.photo, looker, { largest: true }),
      await faceOf(own.photo, looker, { largest: true }),
    ];
    const caption = (id: string, likeness: number) => `${id} ${likeness.toFixed(3)}`;
    rows.push({
      query: first,
      taken: second,
      own: third,
      captions: [
        confusion.truth,
        caption(confusion.taken, taken.likeness),
        caption(confusion.truth, own.likeness),
      ],
    });
  }
  return encodePng(confusionSheet(rows));
}

/** The enrolled picture of an identity that is most similar to another. */
function nearest({ enrolled }: Confused, to: EmbeddedPhoto, id: string) {
  return enrolled
    .filter((photo) => photo.id === id)
    .map((photo) => ({ photo, likeness: similarity(photo.vector, to.vector) }))
    .reduce((best, one) => (one.likeness > best.likeness ? one : best));
}
