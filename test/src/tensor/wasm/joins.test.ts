import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Access, joining } from "../../../../packages/tensor/dist/compile/wasm/step/joins.js";
import { Random } from "../../support/random.js";

const BUFFERS = Array.from({ length: 3 }, (_, i) => ({ label: `${i}` }) as GPUBuffer);

function access(buffer: number, offset: number, size: number, writes: boolean): Access {
  return { binding: { buffer: BUFFERS[buffer], offset, size }, writes };
}

test("kernels join where none touches what another writes", () => {
  const read = access(0, 0, 64, false);
  const write = (at: number) => access(1, at, 64, true);
  assert.equal(
    joining([
      [read, write(0)],
      [read, write(64)],
      [read, write(128)],
    ]),
    [...[false, true, true]],
  );
  assert.equal(joining([[write(0)], [write(60)]]), [false, false]);
  assert.equal(joining([[write(0)], [access(1, 32, 4, false)]]), [false, false]);
  assert.equal(joining([[access(1, 32, 4, false)], [write(0)]]), [false, false]);
  // The third may not overtake the first, though the second lies between them.
  assert.equal(joining([[write(0)], [write(64)], [access(1, 0, 4, false)]]), [false, true, false]);
  // It waits, and who comes after it no longer sees the first.
  assert.equal(joining([[write(0)], [access(1, 0, 4, false)], [access(1, 4, 4, false)]]), [
    ...[false, false, true],
  ]);
});

test("random kernels: what runs together never conflicts, and nothing waits without need", () => {
  const random = new Random(3);
  const below = (n: number) => Math.floor(random.uniform(0, n));
  const kernels = Array.from({ length: 400 }, () =>
    Array.from({ length: 1 + below(3) }, () =>
      access(below(3), below(40) * 16, 16 + below(3) * 16, random.uniform(0, 1) < 0.4),
    ),
  );
  const bytes = ({ binding: { offset = 0, size = 0 } }: Access) =>
    Array.from({ length: size }, (_, i) => offset + i);
  const conflict = (a: readonly Access[], b: readonly Access[]) =>
    a.some((x) =>
      b.some((y) => {
        const own = new Set(bytes(x));
        const same = x.binding.buffer === y.binding.buffer;
        return same && (x.writes || y.writes) && bytes(y).some((at) => own.has(at));
      }),
    );
  const joins = joining(kernels);
  let first = 0;
  for (const [i, joined] of joins.entries()) {
    const conflicts = kernels.slice(first, i).some((other) => conflict(kernels[i], other));
    if (i > 0) assert.is(joined, !conflicts, `${i}`);
    if (!joined) first = i;
  }
  assert.ok(joins.filter(Boolean).length > 20);
});

test.run();
