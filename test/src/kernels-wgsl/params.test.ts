/**
 * What a kernel binds against what its WGSL declares, for every kernel and without a GPU: wgpu refuses a
 * binding that is shorter than the shader's struct.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bindingSize } from "../support/wgsl-layout.js";
import { snapshotCases } from "./snapshot-cases.js";

/** Bytes of the smallest buffer that a device lends. */
const SMALLEST_BUFFER = 16;
/** Buffers with longer elements, which always hold several: the list of boxes of `greedyNms`. */
const LISTS: readonly string[] = ["boxes"];

const cases = snapshotCases();

/** Name, address space and type of what is bound at each number. */
function declarations(wgsl: string): Map<number, { space: string; name: string }> {
  const pattern = /@binding\((\d+)\) var(?:<(\w+)[^>]*>)? *(\w+)/g;
  return new Map(
    [...wgsl.matchAll(pattern)].map(([, binding, space = "", name]) => [
      Number(binding),
      { space, name },
    ]),
  );
}

test("sizes of WGSL types are those of the language", () => {
  const wgsl = `struct Inner { a: f32, b: vec2<u32> }
    struct Block { count: u32, slope: f32, at: vec3f, last: i32, list: array<vec2f, 3>, inner: Inner }
    struct Five { a: u32, b: u32, c: i32, d: f32, e: f32 }
    var<uniform> block: Block; var<uniform> p: Five;
    var<storage, read> x: array<vec4<f16>>; var<storage, read_write> y: array<Inner>;
    var<uniform> packed: array<vec4f, 12>;`;
  assert.is(bindingSize(wgsl, "block"), 80);
  assert.is(bindingSize(wgsl, "p"), 20);
  assert.is(bindingSize(wgsl, "x"), 8);
  assert.is(bindingSize(wgsl, "y"), 16);
  assert.is(bindingSize(wgsl, "packed"), 192);
  assert.throws(() => bindingSize(wgsl, "absent"), /no variable absent/);
});

test("every kernel's block is exactly as long as its WGSL struct", () => {
  let blocks = 0;
  for (const [title, { wgsl, bindings, params }] of cases) {
    if (params === undefined) continue;
    blocks++;
    const block = declarations(wgsl).get(bindings.length);
    assert.is(block?.space, "uniform", `${title}: the block's place`);
    assert.is(params.byteLength, bindingSize(wgsl, block!.name), `${title}: the block's length`);
  }
  assert.ok(blocks > 200, `${blocks} kernels have a block`);
});

test("no kernel's buffer must be longer than the smallest there is", () => {
  for (const [title, { wgsl, bindings }] of cases) {
    for (const [binding, { name }] of declarations(wgsl)) {
      if (!bindings[binding]?.startsWith("read") || LISTS.includes(name)) continue;
      const least = bindingSize(wgsl, name);
      assert.ok(least <= SMALLEST_BUFFER, `${title}: ${name} needs ${least} bytes`);
    }
  }
});

test.run();
