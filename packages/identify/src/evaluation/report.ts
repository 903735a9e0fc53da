import { reportFacts, reportPage, reportSection, reportTable } from "@retinaface-webgpu/train";
import { escapeText } from "retinaface-webgpu";
import type { ClosedSet, OpenSet } from "./identification.js";
import type { FoldAccuracy } from "./lfw.js";
import type { Verification } from "./verification.js";

/** What an evaluation came to; what is absent was not measured. */
export interface IdentityEvaluation {
  readonly verification?: Verification | undefined;
  /** LFW's protocol. */
  readonly folds?: FoldAccuracy | undefined;
  readonly closedSet?: ClosedSet | undefined;
  readonly openSet?: OpenSet | undefined;
}

/** What a page shows besides the figures. */
export interface IdentityReport extends IdentityEvaluation {
  readonly title: string;
  /** Of identities that are held out, enrolled among themselves. */
  readonly unseen?: IdentityEvaluation | undefined;
  /** The protocol, and what was measured on. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** SVG documents in the order in which they are shown. */
  readonly plots: readonly string[];
  /** A `data:` URI of the sheet of confusions. */
  readonly confusions?: string | undefined;
}

const told = (value: number | null) => value ?? "too few to tell";

function verificationTable({ auc, eer, genuine, impostor, tarAtFar }: Verification): string {
  return reportTable(
    ["verification", ""],
    [
      ["pairs of one identity", genuine],
      ["pairs of two", impostor],
      ["area under the curve", auc],
      ["equal error rate", eer],
      ...tarAtFar.map(({ far, tar }) => [`TAR at FAR ${far}`, told(tar)]),
    ],
  );
}

function foldTable({ accuracy, standardError, folds }: FoldAccuracy): string {
  return reportTable(
    [`accuracy in ${folds.length} folds`, ""],
    [
      ["mean", accuracy],
      ["standard error", standardError],
    ],
  );
}

function closedSetTable({ queries, identities, rank1, rank5, rank1ByIdentity }: ClosedSet): string {
  return reportTable(
    ["identification, closed set", ""],
    [
      ["queries", queries],
      ["their identities", identities],
      ["rank-1", rank1],
      ["rank-5", rank5],
      ["rank-1, mean of the identities", rank1ByIdentity],
    ],
  );
}

function openSetTable({ strangers, dirAtFar }: OpenSet): string {
  return reportTable(
    ["identification, open set", ""],
    [
      ["strangers' pictures", strangers],
      ...dirAtFar.map(({ far, dir }) => [`DIR at FAR ${far}`, told(dir)]),
    ],
  );
}

function tablesOf({ verification, folds, closedSet, openSet }: IdentityEvaluation): string {
  const tables = [
    verification && verificationTable(verification),
    folds && foldTable(folds),
    closedSet && closedSetTable(closedSet),
    openSet && openSetTable(openSet),
  ];
  return `<div class="row" style="align-items: flex-start">${tables.filter((table) => table !== undefined).join("\n")}</div>`;
}

/** An evaluation as one HTML document without scripts or anything fetched. */
export function renderIdentityReport(report: IdentityReport): string {
  const { unseen, plots, confusions } = report;
  const sections = [
    reportSection("Protocol", reportFacts(report.facts)),
    reportSection("Figures", tablesOf(report)),
    ...(unseen ? [reportSection("Identities that are held out", tablesOf(unseen))] : []),
    reportSection("Curves", `<div class="row">${plots.join("\n")}</div>`),
  ];
  if (confusions?.startsWith("data:image/")) {
    const image = `<img src="${escapeText(confusions)}" alt="Queries that were taken for others">`;
    sections.push(reportSection("The surest mistakes", image));
  }
  return reportPage(report.title, sections);
}
