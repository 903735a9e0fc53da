/*
 * Inverse DCT of 8×8 blocks in integers: Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT
 * algorithms with 11 multiplications" (ICASSP 1989), with 13 fraction bits, as libjpeg's accurate
 * integer method has it. Two passes: columns keep 2 more bits, rows drop them and the factor of 8.
 */

const FRACTION = 13;
const PASS = 2;
const fixed = (value: number) => Math.round(value * 2 ** FRACTION);

const F_0_298 = fixed(0.298631336);
const F_0_390 = fixed(0.390180644);
const F_0_541 = fixed(0.5411961);
const F_0_765 = fixed(0.765366865);
const F_0_899 = fixed(0.899976223);
const F_1_175 = fixed(1.175875602);
const F_1_501 = fixed(1.50132111);
const F_1_847 = fixed(1.847759065);
const F_1_961 = fixed(1.96157056);
const F_2_053 = fixed(2.053119869);
const F_2_562 = fixed(2.562915447);
const F_3_072 = fixed(3.072711026);

const work = new Int32Array(64);

/**
 * @param coefficients 64 values in natural order from `from` on.
 * @param quantisation 64 factors in natural order.
 * @param samples where the block goes: first sample and samples a row.
 */
export function inverseDct(
  coefficients: Int16Array,
  from: number,
  quantisation: Uint16Array,
  samples: Uint8ClampedArray,
  at: number,
  stride: number,
): void {
  for (let i = 0; i < 64; i++) work[i] = coefficients[from + i] * quantisation[i];
  for (let column = 0; column < 8; column++) pass(column, 8, FRACTION - PASS);
  for (let row = 0; row < 8; row++) {
    pass(row * 8, 1, FRACTION + PASS + 3);
    const to = at + row * stride;
    for (let i = 0; i < 8; i++) samples[to + i] = work[row * 8 + i] + 128;
  }
}

/** One dimension in place: eight values `step` apart, results rounded off by `shift` bits. */
function pass(at: number, step: number, shift: number): void {
  const i1 = at + step;
  const i2 = i1 + step;
  const i3 = i2 + step;
  const i4 = i3 + step;
  const i5 = i4 + step;
  const i6 = i5 + step;
  const i7 = i6 + step;
  const round = 1 << (shift - 1);
  const x1 = work[i1];
  const x2 = work[i2];
  const x3 = work[i3];
  const x5 = work[i5];
  const x6 = work[i6];
  const x7 = work[i7];
  if ((x1 | x2 | x3 | work[i4] | x5 | x6 | x7) === 0) {
    const constant = ((work[at] << FRACTION) + round) >> shift;
    work[at] = constant;
    work[i1] = constant;
    work[i2] = constant;
    work[i3] = constant;
    work[i4] = constant;
    work[i5] = constant;
    work[i6] = constant;
    work[i7] = constant;
    return;
  }
  const turn = (x2 + x6) * F_0_541;
  const even3 = turn - x6 * F_1_847;
  const even2 = turn + x2 * F_0_765;
  const sum = ((work[at] + work[i4]) << FRACTION) + round;
  const difference = ((work[at] - work[i4]) << FRACTION) + round;
  const even0 = sum + even2;
  const even1 = difference + even3;
  const even4 = difference - even3;
  const even7 = sum - even2;

  const spin = (x7 + x3 + x5 + x1) * F_1_175;
  const z1 = (x7 + x1) * -F_0_899;
  const z2 = (x5 + x3) * -F_2_562;
  const z3 = (x7 + x3) * -F_1_961 + spin;
  const z4 = (x5 + x1) * -F_0_390 + spin;
  const odd7 = x7 * F_0_298 + z1 + z3;
  const odd5 = x5 * F_2_053 + z2 + z4;
  const odd3 = x3 * F_3_072 + z2 + z3;
  const odd1 = x1 * F_1_501 + z1 + z4;

  work[at] = (even0 + odd1) >> shift;
  work[i7] = (even0 - odd1) >> shift;
  work[i1] = (even1 + odd3) >> shift;
  work[i6] = (even1 - odd3) >> shift;
  work[i2] = (even4 + odd5) >> shift;
  work[i5] = (even4 - odd5) >> shift;
  work[i3] = (even7 + odd7) >> shift;
  work[i4] = (even7 - odd7) >> shift;
}
