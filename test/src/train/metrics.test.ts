/** Metrics as CSV and as TensorBoard's event files, read back by a decoder of their published format. */
import { eventFileStart, metricsCsv, scalarEvents } from "@retinaface-webgpu/train";
import { test } from "uvu";
import * as assert from "uvu/assert";

/** CRC-32C bit by bit, as RFC 3720 defines it. */
function crcBitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const odd = ((crc ^ (byte >> bit)) & 1) === 1;
      crc = odd ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  return ~crc >>> 0;
}

const mask = (crc: number) => ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) % 2 ** 32;

/** The records of a TFRecord file, both sums of each checked. */
function readRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    assert.is(view.getUint32(at + 8, true), mask(crcBitByBit(file.subarray(at, at + 8))));
    const data = file.subarray(at + 12, at + 12 + length);
    assert.is(data.length, length, "cut off");
    assert.is(view.getUint32(at + 12 + length, true), mask(crcBitByBit(data)));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** The fields of a protocol buffer: numbers as they are, whatever has a length as bytes. */
function readMessage(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) fields.set(field, varint());
    else {
      const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
      if (wire === 1) fields.set(field, view.getFloat64(at, true));
      else if (wire === 5) fields.set(field, view.getFloat32(at, true));
      else fields.set(field, bytes.subarray(at, at + length));
      at += length;
    }
  }
  return fields;
}

const text = (value: unknown) => new TextDecoder().decode(value as Uint8Array);

test("the decoder's sum is that of RFC 3720 and of TensorFlow's own test", () => {
  assert.is(crcBitByBit(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.is(crcBitByBit(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crcBitByBit(new Uint8Array(32).fill(255)), 0x62a8ab43);
});

test("an event file begins with its version and with the step from which it holds", () => {
  const [version, start, ...more] = readRecords(eventFileStart(1234.5, 300)).map(readMessage);
  assert.equal(more, []);
  assert.is(version.get(1), 1234.5);
  assert.is(text(version.get(3)), "brain.Event:2");
  assert.is(start.get(2), 300);
  assert.is(readMessage(start.get(7) as Uint8Array).get(1), 1, "SessionLog.START");
});

test("figures are events with time, step, tag and value", () => {
  const scalars = [
    { tag: "loss/total", step: 0, value: 0.5 },
    { tag: "validation/größe", step: 70_000, value: -1e-8 },
    { tag: "a".repeat(200), step: 2 ** 40, value: 3 },
  ];
  const events = readRecords(scalarEvents(99.25, scalars)).map(readMessage);
  assert.is(events.length, scalars.length);
  for (const [i, event] of events.entries()) {
    const value = readMessage(readMessage(event.get(5) as Uint8Array).get(1) as Uint8Array);
    assert.is(event.get(1), 99.25);
    assert.is(event.get(2) ?? 0, scalars[i].step);
    assert.is(text(value.get(1)), scalars[i].tag);
    assert.is(value.get(2), Math.fround(scalars[i].value));
  }
});

test("CSV: a column for every figure, empty where a line has none, quoted where it must be", () => {
  const lines = [
    { kind: "validation", step: 0, ap50: 0.5, losses: { total: 2 } },
    { kind: "step", step: 0, total: 1.25, learningRate: 1e-7, 'odd,"name': 3 },
  ];
  assert.is(
    metricsCsv(lines),
    'kind,step,learningRate,total,ap50,losses.total,"odd,""name"\r\n' +
      "validation,0,,,0.5,2,\r\n" +
      "step,0,1e-7,1.25,,,3\r\n",
  );
  assert.is(metricsCsv([]), "");
});

test.run();
