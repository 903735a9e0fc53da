/** The ways in which pictures reach the page: the file chooser, dropping, pasting. */
import { page } from "./page.js";

export interface NamedPicture {
  readonly name: string;
  readonly blob: Blob;
}

const named = (files: Iterable<File>): NamedPicture[] =>
  Array.from(files, (blob) => ({ name: blob.name, blob }));

/** Calls `use` with the pictures of each choice, drop or paste. */
export function acceptPictures(use: (pictures: NamedPicture[]) => void): void {
  page.files.addEventListener("change", () => {
    const pictures = named(page.files.files ?? []);
    page.files.value = "";
    use(pictures);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (files.length === 0) return;
    event.preventDefault();
    use(named(files));
  });
  acceptDrops(use);
}

/** The whole page is a target; `dragenter` and `dragleave` come for every element on the way. */
function acceptDrops(use: (pictures: NamedPicture[]) => void): void {
  let depth = 0;
  const mark = (change: number) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
  addEventListener("dragenter", (event) => carriesFiles(event) && mark(1));
  addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    use(named(event.dataTransfer!.files));
  });
}
