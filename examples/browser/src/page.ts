/** The page's elements, by what they are for. */
function element<K extends keyof HTMLElementTagNameMap>(id: string, tag: K) {
  const found = document.getElementById(id);
  if (found?.localName !== tag) throw new Error(`the page has no <${tag} id="${id}">`);
  return found as HTMLElementTagNameMap[K];
}

export const page = {
  adapter: element("adapter", "p"),
  frame: element("frame", "div"),
  view: element("view", "canvas"),
  video: element("video", "video"),
  empty: element("empty", "div"),
  notice: element("notice", "div"),
  noticeTitle: element("notice-title", "h3"),
  noticeText: element("notice-text", "p"),
  noticeList: element("notice-list", "ul"),
  noticeWeights: element("notice-weights", "label"),
  files: element("files", "input"),
  sample: element("sample", "button"),
  camera: element("camera", "button"),
  keep: element("keep", "button"),
  status: element("status", "p"),
  album: element("album", "ul"),
  count: element("count", "span"),
  countUnit: element("count-unit", "span"),
  score: element("score", "input"),
  scoreValue: element("score-value", "span"),
  nms: element("nms", "input"),
  nmsValue: element("nms-value", "span"),
  showLandmarks: element("show-landmarks", "input"),
  showScores: element("show-scores", "input"),
  meshes: element("meshes", "label"),
  showMeshes: element("show-meshes", "input"),
  maxSide: element("max-side", "select"),
  cropsEmpty: element("crops-empty", "p"),
  crops: element("crops", "ul"),
  saveJson: element("save-json", "button"),
  saveCrops: element("save-crops", "button"),
  saveMeshes: element("save-meshes", "button"),
  list: element("list", "details"),
  listRows: element("list-rows", "tbody"),
  listRest: element("list-rest", "p"),
  timings: element("timings", "tbody"),
  passes: element("passes", "td"),
  weightsName: element("weights-name", "p"),
  peopleWeights: element("people-weights", "input"),
  peopleStatus: element("people-status", "p"),
  peopleFaces: element("people-faces", "ul"),
  likeness: element("likeness", "input"),
  forget: element("forget", "button"),
  weightsInputs: [...document.querySelectorAll<HTMLInputElement>("input.weights")],
};

/** Says what is going on, to eyes and to screen readers; these read out again whatever is set again. */
export function say(text: string, kind: "plain" | "busy" | "bad" = "plain"): void {
  page.status.className = kind;
  if (page.status.textContent === text) return;
  page.status.textContent = text;
}

/** A message in the place of the picture. */
export interface Notice {
  readonly title: string;
  readonly text: string;
  readonly list?: readonly string[];
  /** Offers to choose a weights file. */
  readonly weights?: boolean;
}

/** Puts a message in the place of the picture, or takes it away. */
export function showNotice(notice: Notice | undefined): void {
  page.notice.hidden = notice === undefined;
  page.frame.classList.toggle("has-notice", notice !== undefined);
  if (notice === undefined) return;
  page.noticeTitle.textContent = notice.title;
  page.noticeText.textContent = notice.text;
  page.noticeList.replaceChildren(
    ...(notice.list ?? []).map((text) =>
      Object.assign(document.createElement("li"), { textContent: text }),
    ),
  );
  page.noticeWeights.hidden = notice.weights !== true;
}

/** "1 face", "2 faces". */
export const plural = (count: number, word: string): string =>
  `${count} ${word}${count === 1 ? "" : "s"}`;
