/** The list of works that ask for attribution: made of the manifest, whole, and that of the package up to date. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { readShared, sharedTest } from "../support/shared.js";

interface Photo {
  readonly photo: string;
  readonly repository: string;
  readonly commit: string;
  readonly blob: string;
  readonly licence: string;
}

const tool: {
  readManifest(text: string): Photo[];
  attributionsPage(photos: readonly Photo[], leaveOut: RegExp): string;
} = await import(pathToFileURL(path.join(repository, "tools/attributions.mjs")).href);

const HEAD = "photo\trepository@commit\tblob\tlicence";
const row = (photo: string, repository: string, digit: string, licence: string) =>
  [photo, `${repository}@0123456789ab`, digit.repeat(40), licence].join("\t");

test("works that ask for attribution are listed by repository, those left out and free ones are not", () => {
  const photos = tool.readManifest(
    [
      HEAD,
      row("a-2.jpg", "x/small", "1", "CC BY 4.0"),
      row("b-2.jpg", "y/large", "2", "COCO image, CC BY-SA 2.0"),
      row("c-3.jpg", "y/large", "3", "COCO image, CC BY-SA 2.0"),
      row("d-0.jpg", "y/large", "4", "COCO image, CC BY-SA 2.0"),
      row("e-2.jpg", "z/free", "5", "US Government work, CC0"),
      "",
    ].join("\n"),
  );
  const page = tool.attributionsPage(photos, /-[01]/);
  assert.match(page, /These are 3 of the 4 photos; the\nother 1 are/);
  assert.ok(page.indexOf("## y/large") < page.indexOf("## x/small"));
  assert.match(page, "2 works, COCO image, [CC BY-SA 2.0](https://creativecommons.org/");
  assert.match(page, "1 work, [CC BY 4.0](");
  assert.match(page, "222222222222 333333333333\n");
  assert.not.match(page, "444444444444");
  assert.not.match(page, "z/free");
});

test("a manifest that is none is refused by its line", () => {
  assert.throws(() => tool.readManifest("photo\tlicence\n"), /first line is not photo, repository/);
  const bad = row("a.jpg", "no repository", "1", "CC BY 4.0");
  assert.throws(() => tool.readManifest(`${HEAD}\n${bad}\n`), /line 2 of the manifest is no photo/);
});

const MANIFEST = "data/photos/MANIFEST.tsv";

sharedTest(test, "the package's list is that of the manifest", [MANIFEST], async () => {
  const photos = tool.readManifest(new TextDecoder().decode(await readShared(MANIFEST)));
  const file = path.join(repository, "packages/retinaface/weights/ATTRIBUTION.md");
  assert.is(readFileSync(file, "utf8"), tool.attributionsPage(photos, /-[01]/));
  const owed = photos.filter(({ photo, licence }) => !/-[01]/.test(photo) && /CC BY/.test(licence));
  const page = readFileSync(file, "utf8");
  assert.ok(owed.length > 900);
  for (const { blob, repository: name } of owed) {
    assert.ok(page.includes(blob.slice(0, 12)) && page.includes(name), blob);
  }
});

test.run();
