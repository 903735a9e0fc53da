import { readCheckpoint } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes, littleEndian, utf8 } from "../../support/bytes.js";
import { storage, tensorOf, zipFile, zipItems } from "../../support/checkpoint-writer.js";
import type { Py } from "../../support/pickle-writer.js";
import { throwsCode } from "../../support/throws.js";
import { crcOf, deflate, writeZip, type ZipItem } from "../../support/zip-writer.js";

const values = Float32Array.from({ length: 500 }, (_, i) => Math.sin(i));
const weights = storage("0", "FloatStorage", values);
const root: Py = { dict: [["a", tensorOf({ storage: weights, shape: [500] })]] };
const items = zipItems(root, [weights]);

function assertRead(file: Uint8Array): void {
  assert.equal([...readCheckpoint(file)], [["a", { dtype: "f32", shape: [500], data: values }]]);
}

/** The archive with one of its entries changed. */
function changed(name: string, change: Partial<ZipItem>): Uint8Array {
  return writeZip(
    items.map((item) => (item.name === `archive/${name}` ? { ...item, ...change } : item)),
  );
}

test("stored, ZIP64, with a comment, and without a folder", () => {
  assertRead(zipFile(root, [weights]));
  assertRead(zipFile(root, [weights], { zip64: true }));
  assertRead(zipFile(root, [weights], { comment: "PK\x05\x06 as text".repeat(100) }));
  assertRead(
    writeZip(items.map((item) => ({ ...item, name: item.name.slice("archive/".length) }))),
  );
});

test("deflated", async () => {
  const deflated = await Promise.all(
    items.map(async (item) => ({ ...item, deflated: await deflate(item.data) })),
  );
  assertRead(writeZip(deflated));
  assertRead(writeZip(deflated, { zip64: true }));
});

test("deflated data that are damaged, cut off, or of another size", async () => {
  const good = await deflate(weights.data);
  const bad: [Partial<ZipItem>, RegExp][] = [
    [{ deflated: good.map((byte, i) => (i === 300 ? byte ^ 4 : byte)) }, /inflate|checksum/],
    [{ deflated: good.subarray(0, 900) }, /inflate/],
    [{ deflated: new Uint8Array(0) }, /inflate/],
    [{ deflated: await deflate(new Uint8Array(1999)) }, /inflates to 1999/],
    [{ deflated: await deflate(new Uint8Array(2001)) }, /inflates to more/],
    [{ deflated: good, size: 1996 }, /1996 bytes/],
  ];
  for (const [change, message] of bad) {
    throwsCode(() => readCheckpoint(changed("data/0", change)), "CHECKPOINT_CORRUPT", message);
  }
  // Without a checksum, sizes still tell.
  for (const [change, message] of bad.slice(1)) {
    const file = changed("data/0", { ...change, crc: 0 });
    throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT", message);
  }
});

test("checksums are verified, unless they were left out", () => {
  assertRead(changed("data/0", { crc: 0 }));
  const wrong = changed("data/0", { crc: crcOf(weights.data) ^ 1 });
  throwsCode(() => readCheckpoint(wrong), "CHECKPOINT_CORRUPT", /checksum/);
  const damaged = zipFile(root, [weights]);
  damaged[items[0].data.length + 400] ^= 1;
  throwsCode(() => readCheckpoint(damaged), "CHECKPOINT_CORRUPT");
});

test("a bomb is refused before it is inflated", async () => {
  const zeros = new Uint8Array(40 * 2 ** 20);
  const bomb = await deflate(zeros);
  const file = changed("data/0", { data: zeros, deflated: bomb, crc: 0 });
  assert.ok(file.length < 100_000);
  const start = performance.now();
  throwsCode(() => readCheckpoint(file), "CHECKPOINT_CORRUPT", /would inflate to 4194/);
  assert.ok(performance.now() - start < 500);
  throwsCode(() => readCheckpoint(changed("data/0", { size: 2 ** 32 - 2 })), "CHECKPOINT_CORRUPT");
});

test("entries that overlap, repeat or lie outside", () => {
  const offsets = { "data/0": 0, byteorder: 0, version: 2 ** 31 } as const;
  for (const [name, offset] of Object.entries(offsets)) {
    throwsCode(() => readCheckpoint(changed(name, { offset })), "CHECKPOINT_CORRUPT");
  }
  const repeated = writeZip([...items, items[0]]);
  throwsCode(() => readCheckpoint(repeated), "CHECKPOINT_CORRUPT", /twice/);
  const lost = items.filter(({ name }) => !name.endsWith("data/0"));
  throwsCode(() => readCheckpoint(writeZip(lost)), "CHECKPOINT_CORRUPT", /missing/);
});

test("what the reader does not do is named", () => {
  const cases: [Uint8Array, RegExp][] = [
    [changed("version", { flags: 1 }), /encrypted/],
    [changed("version", { method: 12 }), /method 12/],
    [changed("byteorder", { data: utf8("big") }), /big-endian/],
    [writeZip([...items, { name: "archive/constants.pkl", data: utf8("x") }]), /TorchScript/],
    [writeZip([{ name: "word/document.xml", data: utf8("<x/>") }]), /not a PyTorch checkpoint/],
    [
      writeZip([
        ...items,
        ...zipItems(root, []).map((i) => ({ ...i, name: `b/${i.name.slice(8)}` })),
      ]),
      /one folder/,
    ],
    [writeZip([]), /not a PyTorch checkpoint/],
  ];
  for (const [file, message] of cases) {
    throwsCode(() => readCheckpoint(file), "CHECKPOINT_UNSUPPORTED", message);
  }
});

test("an archive cut off anywhere is refused", () => {
  const file = zipFile(root, [weights]);
  for (let length = 4; length < file.length; length += 7) {
    throwsCode(() => readCheckpoint(file.subarray(0, length)), "CHECKPOINT_CORRUPT");
  }
});

test("directories that lie about themselves", () => {
  const file = zipFile(root, [weights]);
  const end = file.length - 22;
  const edits: [number, number, number][] = [
    [end + 8, 65_535, 2],
    [end + 10, 65_535, 2],
    [end + 12, 2 ** 32 - 1, 4],
    [end + 16, 2 ** 32 - 1, 4],
    [end + 16, 3, 4],
    [end + 20, 1, 2],
  ];
  for (const [at, value, width] of edits) {
    const copy = file.slice();
    copy.set(littleEndian(value, width), at);
    const codes = ["CHECKPOINT_CORRUPT", "CHECKPOINT_UNSUPPORTED"];
    try {
      readCheckpoint(copy);
      assert.unreachable();
    } catch (error) {
      assert.ok(codes.includes((error as { code: string }).code), String(error));
    }
  }
});

test("files of other kinds are recognised by their content", () => {
  const tar = new Uint8Array(1024);
  tar.set(utf8("ustar"), 257);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(), /empty/],
    [tar, /tar archive/],
    [utf8("<!DOCTYPE html><html>"), /web page/],
    [utf8("version https://git-lfs.github.com/spec/v1\noid sha256:1"), /Git LFS/],
    [utf8("hello"), /not a checkpoint/],
    [concatBytes([Uint8Array.of(0x80, 2), utf8("K\x01.")]), /not a PyTorch checkpoint/],
  ];
  for (const [file, message] of cases) {
    throwsCode(() => readCheckpoint(file), "CHECKPOINT_UNSUPPORTED", message);
  }
});

test.run();
