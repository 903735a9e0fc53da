/** The faces as a table, for those who cannot see them in the picture. */
import type { Face } from "retinaface-webgpu";
import { trackOf } from "./faces.js";
import { page } from "./page.js";

/** Rows shown; a crowd has more, and the JSON holds them all. */
const MOST_ROWS = 100;

interface Size {
  readonly width: number;
  readonly height: number;
}

let shown: { faces: readonly Face[]; picture: Size } | undefined;

/** Lists the faces of a picture, once the list is open. */
export function listFaces(faces: readonly Face[], picture: Size): void {
  shown = { faces, picture };
  if (page.list.open) fill();
}

page.list.addEventListener("toggle", fill);

function fill(): void {
  if (shown === undefined) return;
  const { faces, picture } = shown;
  page.listRows.replaceChildren(
    ...faces.slice(0, MOST_ROWS).map((face, i) => row(face, i, picture)),
  );
  const rest = faces.length - MOST_ROWS;
  page.listRest.textContent = rest > 0 ? `and ${rest} more` : "";
}

function row(face: Face, index: number, picture: Size) {
  const { box, score } = face;
  const [x1, y1, x2, y2] = box;
  const track = trackOf(face);
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = track === undefined ? String(index + 1) : `#${track}`;
  const cells = [
    `${Math.floor(score * 100)}%`,
    placeOf((x1 + x2) / 2 / picture.width, (y1 + y2) / 2 / picture.height),
    `${Math.round(x2 - x1)} × ${Math.round(y2 - y1)}`,
  ].map((text) => Object.assign(document.createElement("td"), { textContent: text }));
  line.append(name, ...cells);
  return line;
}

/** Which ninth of the picture a place is in, from its fractions of width and height. */
function placeOf(x: number, y: number): string {
  const third = (fraction: number) => Math.min(2, Math.max(0, Math.floor(fraction * 3)));
  return `${["upper", "middle", "lower"][third(y)]} ${["left", "centre", "right"][third(x)]}`;
}
