import { parseNumber } from "./numbers.js";
import { type ImageSource, type Problem, type ReadResult, RecordBuilder } from "./record.js";
import { child, parseXml, type XmlElement, XmlError } from "./xml.js";

/** Finds the image of an annotation by the name it states (may be empty); undefined if there is none. */
export type ResolveVocImage = (
  filename: string,
) => { readonly id: string; readonly image: ImageSource } | undefined;

const SIDES = ["xmin", "ymin", "xmax", "ymax"];

function number(parent: XmlElement | undefined, name: string): number {
  return parseNumber(child(parent, name)?.text ?? "");
}

function readSize(root: XmlElement): { width: number; height: number } | undefined {
  const size = child(root, "size");
  const width = number(size, "width");
  const height = number(size, "height");
  return width > 0 && height > 0 ? { width, height } : undefined;
}

function addObject(builder: RecordBuilder, object: XmlElement): string | undefined {
  const label = child(object, "name")?.text;
  if (!label) return "an object without a name";
  const box = SIDES.map((side) => number(child(object, "bndbox"), side));
  if (box.some(Number.isNaN)) return `"${label}" without a complete bndbox`;
  return builder.add({ box, label, ignored: number(object, "difficult") === 1 });
}

/**
 * Reads one Pascal VOC annotation (Everingham et al., "The Pascal Visual Object Classes Challenge",
 * 2010). Coordinates are taken as written; objects marked difficult are ignored ones.
 */
export function parseVoc(text: string, file: string, resolve: ResolveVocImage): ReadResult {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { records: [], problems: [{ file, line: error.line, message: error.message }] };
  }
  const skip = (line: number, message: string): ReadResult => ({
    records: [],
    problems: [{ file, line, message }],
  });
  if (root.name !== "annotation") {
    return skip(root.line, `the root is <${root.name}>, not <annotation>`);
  }
  const filename = child(root, "filename");
  const found = resolve(filename?.text ?? "");
  if (!found) {
    return skip(filename?.line ?? root.line, `no image for "${filename?.text ?? ""}"`);
  }
  const builder = new RecordBuilder(found.id, found.image, readSize(root));
  const problems: Problem[] = [];
  for (const object of root.children) {
    if (object.name !== "object") continue;
    const message = addObject(builder, object);
    if (message) problems.push({ file, line: object.line, message });
  }
  return { records: [builder.build()], problems };
}
