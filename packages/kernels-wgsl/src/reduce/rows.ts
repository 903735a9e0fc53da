/**
 * Parts shared by kernels that process one contiguous row at a time: by one invocation when rows are short,
 * by one workgroup when they are long.
 */

/** Longest row that a single invocation takes: below it a workgroup's lanes would mostly idle. */
const LONGEST_SINGLE = 64;
const GROUP_LANES = 64;

/** Invocations that share a row of `length` elements. */
export function rowLanes(length: number): number {
  return length <= LONGEST_SINGLE ? 1 : GROUP_LANES;
}

const joins = { max: "max(a, b)", sum: "a + b" };

/** `LANES`, and `rowMax` / `rowSum`, which combine one value of each lane and return it to all. */
export function rowGlobals(lanes: number, combines: readonly (keyof typeof joins)[]): string {
  const text = [`const LANES = ${lanes}u;`];
  if (lanes > 1) text.push(`var<workgroup> shared_: array<f32, ${lanes}>;`);
  for (const kind of combines) {
    const name = `row${kind === "max" ? "Max" : "Sum"}`;
    const tree = `  workgroupBarrier();
  shared_[lane] = v;
  workgroupBarrier();
  for (var width = ${lanes / 2}u; width > 0u; width >>= 1u) {
    if (lane < width) {
      let a = shared_[lane];
      let b = shared_[lane + width];
      shared_[lane] = ${joins[kind]};
    }
    workgroupBarrier();
  }
  return shared_[0];`;
    text.push(`fn ${name}(v: f32, lane: u32) -> f32 {\n${lanes > 1 ? tree : "  return v;"}\n}`);
  }
  return text.join("\n");
}

/** Statements that sum `term` over the lane's elements `j` into `name`, 32 at a time, then over the lanes. */
export function rowTotal(name: string, term: string): string {
  return `  var ${name} = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += ${term};
      j += LANES;
    }
    ${name} += part;
  }
  ${name} = rowSum(${name}, first);`;
}

/** Defines `row`, the offset `base` of its first element and the lane's `first` element. */
export function rowPrologue(lanes: number): string {
  return `  let row = ${lanes > 1 ? "group" : "i"};
  let base = row * p.length;
  let first = ${lanes > 1 ? "lane" : "0u"};`;
}
