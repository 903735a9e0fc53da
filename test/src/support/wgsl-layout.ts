/** Size and alignment of a WGSL type in bytes, by the rules of the language's section on memory layout. */
interface Layout {
  readonly size: number;
  readonly align: number;
}

const SCALARS: Readonly<Record<string, number>> = { f32: 4, i32: 4, u32: 4, f16: 2 };
const SUFFIXES: Readonly<Record<string, string>> = { f: "f32", i: "i32", u: "u32", h: "f16" };

/** The least bytes that a binding of this variable needs: one element of an array without a length. */
export function bindingSize(wgsl: string, variable: string): number {
  const declared = new RegExp(`var(?:<[^>]*>)? +${variable} *: *([^;]+);`).exec(wgsl);
  if (!declared) throw new Error(`no variable ${variable} in:\n${wgsl}`);
  return layoutOf(wgsl, declared[1].trim()).size;
}

function layoutOf(wgsl: string, type: string): Layout {
  if (type in SCALARS) return { size: SCALARS[type], align: SCALARS[type] };
  const atomic = /^atomic<(\w+)>$/.exec(type);
  if (atomic) return layoutOf(wgsl, atomic[1]);
  const vector = /^vec([234])(?:<(\w+)>|([fiuh]))$/.exec(type);
  if (vector) {
    const scalar = SCALARS[vector[2] ?? SUFFIXES[vector[3]]];
    const lanes = Number(vector[1]);
    return { size: lanes * scalar, align: (lanes === 3 ? 4 : lanes) * scalar };
  }
  const array = /^array<(.+?)(?:, *(\d+)u?)?>$/.exec(type);
  if (array) {
    const element = layoutOf(wgsl, array[1]);
    return { size: Number(array[2] ?? 1) * stride(element), align: element.align };
  }
  return structLayout(wgsl, type);
}

function structLayout(wgsl: string, name: string): Layout {
  const body = new RegExp(`struct ${name} *\\{([^}]*)\\}`).exec(wgsl);
  if (!body) throw new Error(`no type ${name} in:\n${wgsl}`);
  let end = 0;
  let align = 1;
  for (const [, type] of body[1].matchAll(/\w+ *: *([\w<>]+(?:, *\d+u?>)?) *,?/g)) {
    const member = layoutOf(wgsl, type);
    end = roundUp(end, member.align) + member.size;
    align = Math.max(align, member.align);
  }
  return { size: roundUp(end, align), align };
}

function stride({ size, align }: Layout): number {
  return roundUp(size, align);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
