import { SaxesParser } from "saxes";
import { FormatError } from "../errors.js";

/** An element of a parsed XML document. */
export interface XmlElement {
  readonly name: string;
  /** Counted from 1: where the element's start tag ends. */
  readonly line: number;
  /** Its own text, trimmed. */
  readonly text: string;
  readonly children: readonly XmlElement[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A malformed document, with the line where it broke. */
export class XmlError extends FormatError {
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

const MAX_DEPTH = 64;

interface OpenElement {
  readonly name: string;
  readonly line: number;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
  readonly children: XmlElement[];
}

/**
 * Parses a small XML document into a tree. A DOCTYPE is read over: no entity but
 * the five predefined ones and no external resource is ever resolved.
 * @throws {XmlError} for a document that is not well-formed.
 */
export function parseXml(text: string): XmlElement {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  parser.on("error", (error) => {
    throw new XmlError(error.message.replace(/^\d+:\d+: /, ""), parser.line);
  });
  parser.on("opentag", ({ name, attributes }) => {
    if (open.length >= MAX_DEPTH) {
      throw new XmlError(`elements nested deeper than ${MAX_DEPTH}`, parser.line);
    }
    open.push({ name, line: parser.line, attributes, text: "", children: [] });
  });
  const append = (chunk: string) => {
    const element = open.at(-1);
    if (element) element.text += chunk;
  };
  parser.on("text", append);
  parser.on("cdata", append);
  parser.on("closetag", () => {
    const element = open.pop()!;
    const closed = { ...element, text: element.text.trim() };
    const parent = open.at(-1);
    if (parent) parent.children.push(closed);
    else root = closed;
  });
  parser.write(text).close();
  if (!root) throw new XmlError("an empty document", 1);
  return root;
}

/** The first child of that name. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name);
}
