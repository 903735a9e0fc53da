/* Host memory of every kind goes to the device whole, or is refused by a typed error. */
import { tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);
const VALUES = [1.5, -2, 3e9, 0, 7];
const BYTES = VALUES.length * 4;
const Shared = typeof SharedArrayBuffer === "undefined" ? ArrayBuffer : SharedArrayBuffer;

async function written(view: ArrayBufferView): Promise<ArrayBuffer> {
  const buffer = device().allocate(32);
  device().write(buffer, view);
  const bytes = await device().read(buffer.buffer, 32);
  device().free(buffer);
  return bytes;
}

test("shared, resizable, length-tracking and WebAssembly's memory", async () => {
  const Resizable = ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer;
  const resizable = new Resizable(BYTES, { maxByteLength: 64 });
  const views = [
    new Float32Array(resizable),
    new Float32Array(resizable, 0, VALUES.length),
    new Float32Array(new WebAssembly.Memory({ initial: 1 }).buffer, 8, VALUES.length),
    new Float32Array(new ArrayBuffer(64), 4, VALUES.length),
    new Float32Array(new Shared(64), 8, VALUES.length),
  ];
  if (Shared !== ArrayBuffer) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    views.push(new Float32Array(memory.buffer, 16, VALUES.length));
  }
  for (const view of views) {
    view.set(VALUES);
    const what = `${view.buffer.constructor.name} from ${view.byteOffset} on`;
    assert.equal([...new Float32Array(await written(view), 0, VALUES.length)], VALUES, what);
    const made = tensor(device(), view, [VALUES.length]);
    assert.equal([...(await made.data())], VALUES, what);
    made.write(view);
    assert.equal([...(await made.data())], VALUES, what);
    made.dispose();
  }
});

test("lengths that are no multiple of four", async () => {
  const view = new Uint8Array(new Shared(7));
  view.set([1, 2, 3, 4, 5, 6, 7]);
  assert.equal([...new Uint8Array(await written(view), 0, 7)], [1, 2, 3, 4, 5, 6, 7]);
});

test("memory that was transferred away", () => {
  const view = Float32Array.from(VALUES);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  const buffer = device().allocate(BYTES);
  throwsCode(() => device().write(buffer, view), "DETACHED", /transferred/);
  throwsCode(() => tensor(device(), view, [VALUES.length]), "SHAPE");
  device().free(buffer);
});

test.run();
