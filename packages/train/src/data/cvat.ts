import { LANDMARK_NAMES } from "retinaface-webgpu";
import { boxAroundTurned } from "./corners.js";
import type { FindImage } from "./lookup.js";
import { parseNumber } from "./numbers.js";
import { type Problem, type ReadResult, RecordBuilder } from "./record.js";
import { parseXml, type XmlElement, XmlError } from "./xml.js";

const EDGES = ["xtl", "ytl", "xbr", "ybr"];
/** Attributes of a box, as people name them, that make it an ignored one. */
const IGNORED = /^(ignored?|difficult|iscrowd)$/i;
const YES = /^(true|1|yes)$/i;

const attribute = ({ attributes }: XmlElement, name: string) => attributes[name] ?? "";

function isIgnored(box: XmlElement): boolean {
  return box.children.some(
    (child) =>
      child.name === "attribute" && IGNORED.test(attribute(child, "name")) && YES.test(child.text),
  );
}

/** Five points, `x,y;x,y;…`; undefined for others. */
function readPoints(element: XmlElement): number[] | undefined {
  const points = attribute(element, "points").split(";");
  const values = points.flatMap((point) => point.split(",").map(parseNumber));
  return points.length === LANDMARK_NAMES.length && values.length === points.length * 2
    ? values
    : undefined;
}

function readBox(box: XmlElement): number[] {
  const edges = EDGES.map((edge) => parseNumber(attribute(box, edge)));
  const degrees = parseNumber(attribute(box, "rotation") || "0");
  const centre = [(edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2];
  return boxAroundTurned(edges, degrees, centre);
}

/** Adds an image's shapes; points belong to the box of their group. */
function addShapes(
  image: XmlElement,
  builder: RecordBuilder,
  report: (line: number, message: string) => void,
): void {
  const points = new Map<string, XmlElement>();
  for (const shape of image.children) {
    if (shape.name === "points") points.set(attribute(shape, "group_id"), shape);
  }
  for (const shape of image.children) {
    const label = attribute(shape, "label");
    if (shape.name === "points" || shape.name === "tag") continue;
    if (shape.name !== "box") {
      report(shape.line, `a ${shape.name} "${label}" is no box: left out`);
      continue;
    }
    const group = attribute(shape, "group_id");
    const own = group === "" || group === "0" ? undefined : points.get(group);
    if (own) points.delete(group);
    const landmarks = own && readPoints(own);
    if (own && !landmarks) report(own.line, "landmarks are five points; the box is kept");
    const message =
      label === ""
        ? "a box without a label"
        : builder.add({ box: readBox(shape), label, landmarks, ignored: isIgnored(shape) });
    if (message) report(shape.line, message);
  }
  for (const { line } of points.values()) report(line, "points in no box's group: left out");
}

/**
 * Reads "CVAT for images 1.1": `<image name width height>` with `<box label xtl ytl xbr ybr>`. Five `<points>` in a box's
 * group are its landmarks, a box with an attribute such as `ignored` that is true is an ignored one, the box around a turned one
 * is taken.
 */
export function parseCvat(text: string, file: string, find: FindImage): ReadResult {
  const problems: Problem[] = [];
  const report = (line: number, message: string) => problems.push({ file, line, message });
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    report(error.line, error.message);
    return { records: [], problems };
  }
  if (root.name !== "annotations") {
    report(root.line, `the root is <${root.name}>, not <annotations>`);
    return { records: [], problems };
  }
  const builders: RecordBuilder[] = [];
  for (const element of root.children) {
    if (element.name === "track") {
      report(element.line, 'a track of a video: export the task as "CVAT for images 1.1"');
    }
    if (element.name !== "image") continue;
    const name = attribute(element, "name");
    const found = find([name, name.replace(/^.*[\\/]/, "")]);
    if (!found) {
      report(element.line, `there is no image ${name}`);
      continue;
    }
    const [width, height] = ["width", "height"].map((n) => parseNumber(attribute(element, n)));
    const size = width > 0 && height > 0 ? { width, height } : undefined;
    const builder = new RecordBuilder(found.id, found.image, size);
    addShapes(element, builder, report);
    builders.push(builder);
  }
  return { records: builders.map((builder) => builder.build()), problems };
}
