import type { AnchorConfig } from "retinaface-webgpu";

/** A face in pixels of the network's input. */
export interface PlacedFace {
  readonly cx: number;
  readonly cy: number;
  readonly width: number;
  readonly height: number;
  /** Width and height of the input. */
  readonly inputWidth: number;
  readonly inputHeight: number;
}

/** How well anchors can cover faces, whatever the network. */
export interface AnchorRecall {
  /** Square root of the area: at least `from`, below `to`. */
  readonly from: number;
  readonly to: number | null;
  readonly faces: number;
  /** Share of faces with an anchor of IoU at least 0.35 and 0.5. */
  readonly recall35: number;
  readonly recall50: number;
  readonly meanIou: number;
}

const SIZE_EDGES = [0, 8, 16, 32, 64, 128, 256, 512];

/** Overlap of two intervals given by centre and length. */
function overlap(centreA: number, lengthA: number, centreB: number, lengthB: number): number {
  const low = Math.max(centreA - lengthA / 2, centreB - lengthB / 2);
  const high = Math.min(centreA + lengthA / 2, centreB + lengthB / 2);
  return Math.max(0, high - low);
}

/** Centre of the cell closest to `position`, of those that lie in the input. */
function closestCell(position: number, step: number, side: number): number {
  const cells = Math.ceil(side / step);
  const cell = Math.max(0, Math.min(cells - 1, Math.round(position / step - 0.5)));
  return (cell + 0.5) * step;
}

/**
 * The highest IoU of any prior with the face. The overlap falls with the distance of the centres along
 * each axis, so that of each kind of anchor only the closest cell needs a look.
 */
export function bestAnchorIou(face: PlacedFace, config: AnchorConfig): number {
  let best = 0;
  for (const [level, step] of config.steps.entries()) {
    const cx = closestCell(face.cx, step, face.inputWidth);
    const cy = closestCell(face.cy, step, face.inputHeight);
    for (const size of config.minSizes[level]) {
      for (const ratio of config.ratios ?? [1]) {
        const width = size * Math.sqrt(ratio);
        const height = size / Math.sqrt(ratio);
        const intersection =
          overlap(face.cx, face.width, cx, width) * overlap(face.cy, face.height, cy, height);
        const union = face.width * face.height + width * height - intersection;
        best = Math.max(best, intersection / union);
      }
    }
  }
  return best;
}

/** Best-possible recall of an anchor configuration by face size; the last entry is of all faces. */
export function anchorRecall(faces: readonly PlacedFace[], config: AnchorConfig): AnchorRecall[] {
  const ious = faces.map((face) => bestAnchorIou(face, config));
  const sizes = faces.map(({ width, height }) => Math.sqrt(width * height));
  const summarise = (from: number, to: number | null): AnchorRecall => {
    const kept = ious.filter((_, i) => sizes[i] >= from && (to === null || sizes[i] < to));
    const share = (ok: (iou: number) => boolean) =>
      kept.length === 0 ? 0 : kept.filter(ok).length / kept.length;
    const sum = kept.reduce((total, iou) => total + iou, 0);
    return {
      from,
      to,
      faces: kept.length,
      recall35: share((iou) => iou >= 0.35),
      recall50: share((iou) => iou >= 0.5),
      meanIou: kept.length === 0 ? 0 : sum / kept.length,
    };
  };
  const bins = SIZE_EDGES.map((from, i) => summarise(from, SIZE_EDGES[i + 1] ?? null));
  return [...bins.filter((bin) => bin.faces > 0), summarise(0, null)];
}
