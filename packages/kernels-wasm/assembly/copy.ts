/**
 * Moves of floats, four at a time: up to 3 floats beyond the last are written too, for the caller
 * to overwrite.
 */

/** Copies `count` floats; returns where the next go. */
@inline
export function copyFloats(from: usize, to: usize, count: i32): usize {
  const end = to + (<usize>count << 2);
  while (to < end) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  return end;
}

/** Zeros `count` floats; returns where the next go. */
@inline
export function zeroFloats(to: usize, count: i32): usize {
  const end = to + (<usize>count << 2);
  while (to < end) {
    v128.store(to, f32x4.splat(0));
    to += 16;
  }
  return end;
}
