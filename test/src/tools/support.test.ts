import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";

test("the same seed repeats, another does not", () => {
  const numbers = (seed: number) => [...new Random(seed).normals(20)];
  assert.equal(numbers(7), numbers(7));
  assert.not.equal(numbers(7), numbers(8));
});

test("random numbers have their distribution", () => {
  const random = new Random(3);
  const mean = (values: Float32Array) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const uniforms = random.uniforms(20_000, -1, 3);
  assertClose([mean(uniforms)], [1], { atol: 0.05 });
  assert.ok(uniforms.every((value) => value >= -1 && value < 3));
  const normals = random.normals(20_000, 5, 2);
  assertClose([mean(normals)], [5], { atol: 0.06 });
  assertClose([mean(normals.map((value) => (value - 5) ** 2))], [4], { atol: 0.2 });
  const dice = Array.from({ length: 600 }, () => random.integer(1, 6));
  assert.equal([...new Set(dice)].sort(), [1, 2, 3, 4, 5, 6]);
  assert.equal(
    random.shuffled("abcdef").sort(),
    random.shuffled(["f", "e", "d", "c", "b", "a"]).sort(),
  );
});

test("assertClose accepts what is within tolerance", () => {
  assert.is(assertClose([1, 2.5], [1, 2], { atol: 0.5 }), 0.5);
  assertClose(new Float32Array([100.5]), [100], { rtol: 0.005 });
  assertClose(
    [Number.NaN, Number.POSITIVE_INFINITY, -0],
    [Number.NaN, Number.POSITIVE_INFINITY, 0],
  );
});

test("assertClose refuses what is not, and says where", () => {
  const message = (actual: number[], expected: number[], rtol = 0) => {
    try {
      assertClose(actual, expected, { rtol, what: "loc" });
    } catch (error) {
      return (error as Error).message;
    }
    return "accepted";
  };
  assert.is(message([1, 2], [1]), "loc: 2 elements, expected 1");
  assert.match(message([1, 2, 9], [1, 3, 5]), "loc: 2 of 3 elements differ");
  assert.match(message([1, 2, 9], [1, 3, 5]), "first [1] is 2, expected 3 (off by 1)");
  assert.match(message([1, 2, 9], [1, 3, 5]), "worst [2] is 9, expected 5 (off by 4)");
  for (const [actual, expected] of [
    [Number.NaN, 0],
    [0, Number.NaN],
    [1e30, Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, 1e30],
    [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  ]) {
    assert.match(message([actual], [expected], 0.1), "worst [0]", `${actual} for ${expected}`);
  }
});

test.run();
