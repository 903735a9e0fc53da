/** What a SPEC says of one format of labels; the parser of SPECs, help and docs read this table. */
export interface FormatRow {
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** What lies at the PATH of a SPEC. */
  readonly path: string;
  /** Where images are looked for when no IMAGES are named. */
  readonly images: string;
  /** How a bare path is recognised; absent: it is not. */
  readonly recognised?: string;
  /** Options of a SPEC that are for some formats only. */
  readonly options: readonly string[];
}

/** Every format of labels that is read, `auto` apart. */
export const DATA_FORMATS = [
  {
    name: "voc",
    title: "Pascal VOC XML",
    path: "folder of XML files, or one with `annotations/`",
    images: "`images/` or `JPEGImages/` beside the annotations",
    recognised: "folder with `annotations/*.xml` or `*.xml`",
    options: [],
  },
  {
    name: "wider",
    title: "WIDER FACE's text files",
    path: "`label.txt` or `wider_face_*_bbx_gt.txt`",
    images: "`images/` beside the file, `WIDER_train/images`, `WIDER_val/images`",
    recognised: "`.txt`, folder with `label.txt`",
    options: [],
  },
  {
    name: "coco",
    title: "COCO JSON",
    path: "the JSON file",
    images: "`images/` beside the file, or its folder",
    recognised: "`.json` that holds an object",
    options: [],
  },
  {
    name: "jsonl",
    title: "JSON lines, `detect`'s output",
    path: "the file",
    images: "the file's folder",
    recognised: "`.jsonl`",
    options: ["face", "ignore"],
  },
  {
    name: "yolo",
    title: "YOLO text files (Ultralytics)",
    path: "`data.yaml`, or a folder with `images/` and `labels/`, or with both kinds of files",
    images: "as `data.yaml` says, else `images/`",
    recognised: "`.yaml`, folder with `data.yaml` or `labels/*.txt`",
    options: ["part"],
  },
  {
    name: "csv",
    title: "CSV, a row a face",
    path: "the file",
    images: "`images/` beside the file, or its folder",
    recognised: "`.csv`, `.tsv`",
    options: ["columns", "units"],
  },
  {
    name: "openimages",
    title: "Open Images CSV",
    path: "`*-annotations-bbox.csv`, class descriptions beside it",
    images: "`images/` beside the file, or its folder",
    recognised: "`.csv` with the columns `ImageID` and `XMin`",
    options: [],
  },
  {
    name: "labelstudio",
    title: "Label Studio, JSON and JSON-MIN",
    path: "the exported file",
    images: "`images/` beside the file, or its folder",
    recognised: "`.json` that holds a list",
    options: [],
  },
  {
    name: "cvat",
    title: "CVAT for images 1.1",
    path: "`annotations.xml`",
    images: "`images/` beside the file, or its folder",
    recognised: "`.xml`, folder with `annotations.xml`",
    options: [],
  },
] as const satisfies readonly FormatRow[];

/** A label format; `auto` looks at what lies at the path. */
export type DataFormat = "auto" | (typeof DATA_FORMATS)[number]["name"];

/** The parts that a YOLO set's `data.yaml` may name. */
export const YOLO_PARTS = ["train", "val", "test"] as const;
export type YoloPart = (typeof YOLO_PARTS)[number];

/** Names of all formats, `auto` first. */
export const FORMAT_NAMES: readonly DataFormat[] = [
  "auto",
  ...DATA_FORMATS.map(({ name }) => name),
];

/** The names for a message: `voc, wider, … and cvat`. */
export const FORMAT_LIST = DATA_FORMATS.map(({ name }) => name)
  .join(", ")
  .replace(/, (\w+)$/, " and $1");

/** The table for the documentation, as Markdown. */
export function formatTableMarkdown(): string {
  const head = [
    "FORMAT",
    "what it is",
    "PATH",
    "images without `:IMAGES`",
    "recognised",
    "options",
  ];
  const rows = DATA_FORMATS.map((row: FormatRow) => [
    `\`${row.name}\``,
    row.title,
    row.path,
    row.images,
    row.recognised ?? "",
    row.options.map((option) => `\`${option}\``).join(", "),
  ]);
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i].length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
