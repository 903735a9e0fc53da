/** What readers of foreign formats say of faults, by file and line. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { formatProblem, parseCoco, type ReadResult, seededRandom } from "@retinaface-webgpu/train";
import {
  type FindImage,
  parseCsv,
  parseCvat,
  parseLabelStudio,
  parseOpenImages,
  parseYolo,
  parseYoloData,
} from "@retinaface-webgpu/train/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  cocoOf,
  csvOf,
  cvatOf,
  drawPictures,
  labelStudioOf,
  openImagesOf,
  yoloOf,
} from "../support/label-forms.node.js";
import { mutateText } from "../support/mutate.js";
import { throwsCode } from "../support/throws.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "formats-"));
const at = (...names: string[]) => path.join(folder, ...names);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const find: FindImage = (names) =>
  names.includes("a.jpg") || names.includes("b.jpg")
    ? { id: names.find((name) => /^[ab]\.jpg$/.test(name))!, image: "x" }
    : undefined;
const sizeOf = () => ({ width: 200, height: 100 });
const resolve = (name: string) => name;
const said = ({ problems }: ReadResult) => problems.map(formatProblem);
const boxesOf = ({ records }: ReadResult) => records.map(({ boxes }) => [...boxes]);
const picture = { id: "a.jpg", image: "a.jpg", width: 200, height: 100 };

test("YOLO: boxes, polygons, keypoints, and what is wrong, by line", () => {
  const rows = ["0 0.5 0.5 0.25 0.5", "7 0.5 0.5 0.1 0.1", "0 1.5 0.5 0.1 0.1", "0 0.5 x 1 1"];
  const more = [
    "0 0.5 0.5 0.1 0.1 0.9",
    "0 0.1 0.2 0.3 0.2 0.3 0.6",
    "0 0.5 0.5 0 0.1",
    "0.5 0 0 1 1",
  ];
  const read = parseYolo([...rows, ...more].join("\n"), "a.txt", picture, {
    names: new Map([[0, "face"]]),
  });
  assert.equal(boxesOf(read), [[75, 25, 125, 75, 20, 20, 60, 60].map(Math.fround)]);
  assert.equal(read.records[0].labels, ["face", "face"]);
  const expected = [
    /^a\.txt:2: the class 7 has no name/,
    /^a\.txt:3: .*shares of the sides/,
    /^a\.txt:4: not numbers/,
    /^a\.txt:5: 6 numbers: a prediction/,
    /^a\.txt:7: degenerate box/,
    /^a\.txt:8: the class 0\.5/,
  ];
  assert.is(read.problems.length, expected.length);
  for (const [i, pattern] of expected.entries()) assert.match(said(read)[i], pattern);
});

test("YOLO: five visible keypoints are landmarks, by kpt_shape alone", () => {
  const points = [0.4, 0.4, 2, 0.6, 0.4, 2, 0.5, 0.5, 1, 0.4, 0.6, 2, 0.6, 0.6, 2];
  const hidden = points.map((value, i) => (i === 5 ? 0 : value));
  const row = (values: number[]) => `0 0.5 0.5 0.5 0.5 ${values.join(" ")}`;
  const text = `${row(points)}\n${row(hidden)}\n0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5 1\n`;
  const read = parseYolo(text, "a.txt", picture, { names: new Map(), keypoints: [5, 3] });
  const [{ landmarks, labels }] = read.records;
  assert.equal([...landmarks.subarray(0, 4)], [80, 40, 120, 40].map(Math.fround));
  assert.ok(landmarks.subarray(10).every(Number.isNaN));
  assert.equal(labels, ["0", "0", "0"]);
  assert.match(said(read)[0], /^a\.txt:4: .*5 or 20 numbers by kpt_shape, not 6/);
  const untold = parseYolo(row(points), "a.txt", picture, { names: new Map() });
  assert.match(said(untold)[0], /kpt_shape: \[5, 3\]/);
});

test("data.yaml: names as list or map, faults with their line", () => {
  const list = parseYoloData("train: a\nval: [b, c]\nnames: [x, 'y z']\n", "d.yaml");
  assert.equal(
    [...list.names],
    [
      [0, "x"],
      [1, "y z"],
    ],
  );
  assert.equal(list.parts, { train: ["a"], val: ["b", "c"] });
  const faults: [string, RegExp][] = [
    ["train: a\nnames: 5\n", /^d\.yaml:2: names is no list/],
    ["train: a\n\nnames: {x: y}\n", /^d\.yaml:3: names has the class x/],
    ["names: [a]\ntrain: {}\n", /^d\.yaml:2: train is no path/],
    ["kpt_shape: [5]\n", /^d\.yaml:1: kpt_shape/],
    ["a: b\n c: [", /^d\.yaml:\d: /],
    ["- a\n", /^d\.yaml:1: it is no data\.yaml/],
  ];
  for (const [text, message] of faults)
    throwsCode(() => parseYoloData(text, "d.yaml"), "DATA", message);
});

test("CSV: columns guessed from the header, whatever they are called", () => {
  const headers: [string, string, number[]][] = [
    ["filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,200,100,m,10,20,30,60", []],
    ["image_path;x;y;width;height;label", "a.jpg;10;20;20;40;m", []],
    ["File Name\tcx\tcy\tw\th\tname", "a.jpg\t20\t40\t20\t40\tm", []],
    ["img,left,top,width,height,category", '"a.jpg",10,20,20,40,m', []],
  ];
  for (const [header, row] of headers) {
    const read = parseCsv(`\uFEFF${header}\r\n${row}\r\n`, "f.csv", resolve, sizeOf);
    assert.equal(said(read), [], header);
    assert.equal([read.records[0].id, boxesOf(read)[0]], ["a.jpg", [10, 20, 30, 60]], header);
    assert.equal(read.records[0].labels, ["m"]);
  }
});

test("CSV: columns given, shares, landmarks, pictures without faces, faults by line", () => {
  const text = 'a.jpg,1,2,3,4,m\nb.jpg,,,,,\na.jpg,5,6,x,8,m\na.jpg,9,9,9,9,m\n,1,2,3,4,m\n"q,1\n';
  const columns = "image,x1,y1,x2,y2,label";
  const read = parseCsv(text, "f.csv", resolve, sizeOf, { columns });
  assert.equal(boxesOf(read), [[1, 2, 3, 4], []]);
  const expected = [
    /:6: Quote Not Closed/,
    /:3: .*no four numbers/,
    /:4: degenerate/,
    /:5: no image/,
  ];
  assert.equal(read.problems.length, expected.length, said(read).join("\n"));
  for (const [i, pattern] of expected.entries()) assert.match(said(read)[i], pattern);

  const named = "foto,skip,l,t,r,b,ignore\na.jpg,?,1,2,3,4,yes\n";
  const byName = { columns: "image:foto,x1:l,y1:t,x2:r,y2:b,ignored:ignore" };
  const { records } = parseCsv(named, "f.csv", resolve, sizeOf, byName);
  assert.equal([[...records[0].boxes], [...records[0].ignored]], [[1, 2, 3, 4], [1]]);

  const eyes = "p1x,p1y,p2x,p2y,p3x,p3y,p4x,p4y,p5x,p5y";
  const shares = `image,x,y,w,h,${eyes}\na.jpg,0.25,0.5,0.5,0.25,${Array(10).fill(0.5).join(",")}\n`;
  const shared = parseCsv(shares, "f.csv", resolve, sizeOf, { units: "shares" });
  assert.equal(boxesOf(shared), [[50, 50, 150, 75]]);
  assert.equal([...shared.records[0].landmarks.subarray(0, 2)], [100, 50]);
  throwsCode(
    () => parseCsv(shares, "f.csv", resolve, sizeOf),
    "DATA",
    /units=shares.*units=pixels/,
  );
  const unsized = parseCsv(shares, "f.csv", resolve, () => undefined, { units: "shares" });
  assert.match(said(unsized)[0], /f\.csv:2: the size of a\.jpg is not known/);

  const refused: [string, string | undefined, RegExp][] = [
    ["image,a,b,c,d\nx,1,2,3,4", undefined, /f\.csv:1: no column for a box.*columns=/],
    ["photograph,x1,y1,x2,y2\n", undefined, /no column for an image/],
    ["a,1,2,3,4", "image,x1,y1,x2", /needs image and a box/],
    ["a,1,2,3,4", "image,x1,y1,x2,z9", /"z9" is none of/],
    ["foto,l", "image:photo,x1:l", /no "photo", but foto, l/],
    ["a,1", "image,image", /stands there twice/],
  ];
  for (const [text, columns, message] of refused) {
    throwsCode(() => parseCsv(text, "f.csv", resolve, sizeOf, { columns }), "DATA", message);
  }
});

test("Open Images: names, groups, absent images in one problem", () => {
  const head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf";
  const rows = [
    "a,x,/m/0dzct,1,0.1,0.2,0.5,0.75,0",
    "b,x,/m/1,1,0,1,0,1,1",
    "c,x,/m/1,1,0,1,0,1,0",
  ];
  const text = [head, ...rows, "a,x,/m/1,1,0.5,0.2,0,1,0"].join("\n");
  const read = parseOpenImages(text, "o.csv", find, sizeOf, new Map([["/m/0dzct", "Human face"]]));
  assert.equal(boxesOf(read), [
    [20, 50, 40, 75],
    [0, 0, 200, 100],
  ]);
  assert.equal(
    read.records.map(({ labels }) => labels),
    [["Human face"], ["/m/1"]],
  );
  assert.equal([...read.records[1].ignored], [1]);
  assert.match(said(read)[0], /^o\.csv:5: degenerate/);
  assert.match(said(read)[1], /^o\.csv: 1 of 3 images are not there/);
  throwsCode(
    () => parseOpenImages("ImageID,XMin\n", "o.csv", find, sizeOf),
    "DATA",
    /LabelName, XMax/,
  );
});

test("Label Studio: rectangles in per cent, turned ones, what is not annotated", () => {
  const value = { x: 10, y: 20, width: 20, height: 30, rectanglelabels: ["m"] };
  const result = (more: object, size = { original_width: 200, original_height: 100 }) => ({
    ...size,
    value: { ...value, ...more },
  });
  const tasks = [
    {
      data: { id: 3, photo: "http://host:8080/data/upload/4/89abcdef-a.jpg" },
      annotations: [
        { was_cancelled: true, result: [] },
        {
          result: [
            result({ rotation: 90 }),
            { value: { choices: ["x"] } },
            result({ rectanglelabels: [] }),
            result({ x: "1" }),
          ],
        },
        { result: [] },
      ],
    },
    { data: { image: "/data/local-files/?d=some%2Fb.jpg" }, annotations: [] },
    { data: { image: "s3://bucket/none.jpg" }, annotations: [{ result: [] }] },
    7,
  ];
  const read = parseLabelStudio(JSON.stringify(tasks, null, 1), "s.json", find);
  assert.equal(boxesOf(read), [[-10, 20, 20, 60].map((v) => Math.max(0, v))]);
  const expected = [
    /^s\.json:2: task 0 has 2 annotations/,
    /^s\.json:\d+: task 0, annotations\.1\.result\.2 has no label/,
    /^s\.json:\d+: task 0, annotations\.1\.result\.3 is no rectangle/,
    /^s\.json:\d+: task 1 is not annotated/,
    /^s\.json:\d+: task 2 there is no image for s3/,
    /^s\.json:\d+: task 3 is no task/,
  ];
  assert.is(read.problems.length, expected.length, said(read).join("\n"));
  for (const [i, pattern] of expected.entries()) assert.match(said(read)[i], pattern);
  const lines = read.problems.map(({ line }) => line ?? 0);
  assert.equal(
    [...lines].sort((a, b) => a - b),
    lines,
    "lines rise",
  );

  const minimal = [{ image: "/data/upload/1/a.jpg", faces: [result({}).value] }];
  const sized = [
    { ...minimal[0], faces: [{ ...value, original_width: 200, original_height: 100 }] },
  ];
  assert.equal(boxesOf(parseLabelStudio(JSON.stringify(sized), "s.json", find)), [
    [20, 20, 60, 50],
  ]);
  assert.match(said(parseLabelStudio(JSON.stringify(minimal), "s", find))[0], /original_width/);
  assert.match(said(parseLabelStudio('[\n{"a": ]', "s.json", find))[0], /^s\.json:2: /);
  assert.match(said(parseLabelStudio("{}", "s.json", find))[0], /^s\.json:1: .*list of tasks/);
});

test("CVAT: boxes, turned ones, grouped points, ignored boxes, faults by line", () => {
  const five = "1,2;3,4;5,6;7,8;9,10";
  const text = `<?xml version="1.0"?>
<annotations>
<image id="0" name="sub/a.jpg" width="200" height="100">
<box label="m" xtl="10" ytl="20" xbr="30" ybr="60" group_id="4"><attribute name="ignored">true</attribute></box>
<box label="m" xtl="10" ytl="20" xbr="30" ybr="60" rotation="90"/>
<points label="p" points="${five}" group_id="4"/>
<points label="p" points="${five}" group_id="9"/>
<polygon label="x" points="1,2;3,4"/>
<box label="m" xtl="10" ytl="20" xbr="x" ybr="60"/>
</image>
<image id="1" name="none.jpg" width="2" height="1"/>
<track id="0" label="m"/>
</annotations>`;
  const read = parseCvat(text, "c.xml", find);
  assert.equal(boxesOf(read), [[10, 20, 30, 60, 0, 30, 40, 50]]);
  const [{ ignored, landmarks }] = read.records;
  assert.equal([...ignored], [1, 0]);
  assert.equal([...landmarks.subarray(0, 10)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const expected = [
    /^c\.xml:8: a polygon "x" is no box/,
    /^c\.xml:9: a box needs 4 finite numbers/,
    /^c\.xml:7: points in no box's group/,
    /^c\.xml:11: there is no image none\.jpg/,
    /^c\.xml:12: a track of a video/,
  ];
  assert.is(read.problems.length, expected.length, said(read).join("\n"));
  for (const [i, pattern] of expected.entries()) assert.match(said(read)[i], pattern);
  assert.match(said(parseCvat("<annotation/>", "c.xml", find))[0], /^c\.xml:1: the root/);
  assert.match(said(parseCvat("<annotations>\n<", "c.xml", find))[0], /^c\.xml:\d: /);
});

test("COCO: problems have lines", () => {
  const coco = {
    images: [{ id: 1, file_name: "a.jpg" }, { id: 2 }],
    categories: [{ id: 1, name: "m" }],
    annotations: [
      { image_id: 1, category_id: 1, bbox: [0, 0, 1, 1] },
      { image_id: 1, category_id: 9, bbox: [0, 0, 1, 1] },
    ],
  };
  const text = JSON.stringify(coco, null, 1);
  const lineOf = (needle: string) => text.slice(0, text.indexOf(needle)).split("\n").length;
  const read = parseCoco(text, "c.json", resolve);
  assert.equal(
    read.problems.map(({ line }) => line),
    [lineOf('"id": 2') - 1, lineOf('"category_id": 9') - 2],
  );
  assert.match(said(parseCoco('{\n"images": [}', "c.json", resolve))[0], /^c\.json:2: /);
});

const [face] = drawPictures(at("fuzz"), 1, 32);
const scale = {
  names: new Map([
    [0, "a"],
    [1, "b"],
  ]),
};
const READERS: Record<string, [string, (text: string) => ReadResult]> = {
  YOLO: [yoloOf(face), (text) => parseYolo(text, "f", picture, scale)],
  CSV: [csvOf([face]), (text) => parseCsv(text, "f", resolve, sizeOf)],
  "Open Images": [
    openImagesOf([face]),
    (text) => parseOpenImages(text, "f", () => ({ id: "a", image: "a" }), sizeOf),
  ],
  CVAT: [cvatOf([face]), (text) => parseCvat(text, "f", () => ({ id: "a", image: "a" }))],
  "Label Studio": [
    labelStudioOf([face]),
    (text) => parseLabelStudio(text, "f", () => ({ id: "a", image: "a" })),
  ],
  COCO: [cocoOf([face]), (text) => parseCoco(text, "f", resolve)],
  "data.yaml": [
    "path: .\ntrain: a\nnames:\n  0: face\nkpt_shape: [5, 3]\n",
    (text) => {
      parseYoloData(text, "f");
      return { records: [], problems: [] };
    },
  ],
};

for (const [name, [text, read]] of Object.entries(READERS)) {
  test(`${name}: 400 damaged files give sound records, problems or DATA`, () => {
    const random = seededRandom(25);
    for (let i = 0; i < 400; i++) {
      const damaged = mutateText(text, random);
      let result: ReadResult = { records: [], problems: [] };
      try {
        result = read(damaged);
      } catch (error) {
        assert.is((error as { code?: string }).code, "DATA", `${error} of ${damaged}`);
      }
      for (const { boxes, labels } of result.records) {
        assert.is(boxes.length, labels.length * 4);
        for (let b = 0; b < boxes.length; b += 4) {
          assert.ok(boxes[b + 2] > boxes[b] && boxes[b + 3] > boxes[b + 1], damaged);
        }
      }
    }
  });
}

test.run();
