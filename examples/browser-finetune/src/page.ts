/** The page's elements, by what they are for. */
function element<K extends keyof HTMLElementTagNameMap>(id: string, tag: K) {
  const found = document.getElementById(id);
  if (found?.localName !== tag) throw new Error(`the page has no <${tag} id="${id}">`);
  return found as HTMLElementTagNameMap[K];
}

export const page = {
  adapter: element("adapter", "p"),
  files: element("files", "input"),
  propose: element("propose", "button"),
  remove: element("remove", "button"),
  clear: element("clear", "button"),
  empty: element("empty", "button"),
  labels: element("labels", "button"),
  forget: element("forget", "button"),
  kept: element("kept", "p"),
  photos: element("photos", "ul"),
  board: element("board", "canvas"),
  chosen: element("chosen", "p"),
  steps: element("steps", "input"),
  batch: element("batch", "input"),
  size: element("size", "input"),
  rate: element("rate", "input"),
  train: element("train", "button"),
  stop: element("stop", "button"),
  progress: element("progress", "progress"),
  status: element("status", "p"),
  plot: element("plot", "div"),
  save: element("save", "button"),
  weights: element("weights", "input"),
};

/** Says what is going on, to eyes and to screen readers. */
export function say(text: string, kind: "plain" | "bad" = "plain"): void {
  page.status.className = kind;
  page.status.textContent = text;
}
