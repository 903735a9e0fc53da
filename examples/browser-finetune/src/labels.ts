import { formatJsonl, RecordBuilder } from "@retinaface-webgpu/train";
import { TuneError } from "./errors.js";
import type { Box } from "./protocol.js";

/** What the labels of a photo are made of. */
export interface Labelled {
  readonly name: string;
  readonly bitmap: { readonly width: number; readonly height: number };
  readonly boxes: readonly Box[];
}

/**
 * Labels as JSON lines, as `train --data jsonl:labels.jsonl` reads them where the photos lie beside the file.
 * @throws TuneError where two photos have one name, which the lines could not tell apart
 */
export function formatLabels(photos: readonly Labelled[]): string {
  const names = photos.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new TuneError({
      code: "NAME_TWICE",
      message: `two photos are called ${twice}: give one another name and add it again`,
    });
  }
  const records = photos.map(({ name, bitmap: { width, height }, boxes }) => {
    const record = new RecordBuilder(name, name, { width, height });
    for (const box of boxes) record.add({ box, label: "face" });
    return record.build();
  });
  return formatJsonl(records);
}
