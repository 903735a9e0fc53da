/**
 * A kernel for f32 as the same kernel on buffers of f16: what it loads is widened, what it stores is rounded to nearest,
 * and all between is f32 as before. Training keeps activations and their gradients so: half the memory and half of the
 * traffic, while sums, statistics and weights stay what they are.
 *
 * It is done on the text, where the buffers stand by name, so that no kernel of a training step needs a second version of
 * itself; those of inference, where stores are fused with more, say their element types themselves (`conv2d/forward`).
 * A kernel may load an element of such a buffer, assign to one, or change one by `+=` and its like; what else it does with
 * one (a pointer to it, a component assigned) does not compile.
 */
import type { Kernel } from "./kernel.js";

/** WGSL of a buffer's elements as they are computed with and as they are stored. */
interface Elements {
  readonly wide: string;
  readonly half: string;
}

const DECLARATION =
  /@binding\((\d+)\) var<storage, read(?:_write)?> (\w+): array<(f32|vec[234]f|vec[234]<f32>)>;/g;
const ASSIGNED = /^\s*(=(?!=)|[-+*/]=)/;

/** The kernel with f16 in the buffers whose binding `half` names; those that it declares otherwise than f32 stay. */
export function storedAsHalf(kernel: Kernel, half: readonly boolean[]): Kernel {
  const wgsl = textFor(kernel.wgsl, half);
  if (wgsl === kernel.wgsl) return kernel;
  const features = new Set([...(kernel.features ?? []), "shader-f16" as const]);
  return { ...kernel, name: `${kernel.name} f16`, wgsl, features: [...features] };
}

/** Texts by what they were made of: there are as many as there are pipelines. */
const texts = new Map<string, string>();

function textFor(wgsl: string, half: readonly boolean[]): string {
  const key = `${half.map(Number).join("")}${wgsl}`;
  let text = texts.get(key);
  if (text === undefined) {
    text = rewritten(wgsl, half);
    texts.set(key, text);
  }
  return text;
}

function rewritten(wgsl: string, half: readonly boolean[]): string {
  const stored = new Map<string, Elements>();
  const declared = wgsl.replace(DECLARATION, (all, binding: string, name: string, wide: string) => {
    if (!half[Number(binding)]) return all;
    const elements = {
      wide,
      half: wide.includes("f32") ? wide.replace("f32", "f16") : `${wide.slice(0, -1)}h`,
    };
    stored.set(name, elements);
    return all.replace(`array<${wide}>`, `array<${elements.half}>`);
  });
  if (stored.size === 0) return wgsl;
  const text = converted(declared, stored);
  return text.includes("enable f16;") ? text : `enable f16;\n${text}`;
}

/** The text with every load of these buffers widened and every store rounded. */
function converted(text: string, stored: ReadonlyMap<string, Elements>): string {
  const use = new RegExp(`(?<![\\w.])(${[...stored.keys()].join("|")})\\[`, "g");
  let done = "";
  let from = 0;
  for (let found = use.exec(text); found; found = use.exec(text)) {
    const { wide, half } = stored.get(found[1])!;
    const open = found.index + found[0].length;
    const close = closing(text, open);
    const place = `${found[0]}${converted(text.slice(open, close), stored)}]`;
    const assigned = ASSIGNED.exec(text.slice(close + 1));
    done += text.slice(from, found.index);
    if (assigned) {
      const begin = close + 1 + assigned[0].length;
      from = text.indexOf(";", begin);
      const value = converted(text.slice(begin, from), stored);
      const whole = assigned[1] === "=" ? value : `${wide}(${place}) ${assigned[1][0]} (${value})`;
      done += `${place} = ${half}(${whole})`;
    } else {
      from = close + 1;
      done += `${wide}(${place})`;
    }
    use.lastIndex = from;
  }
  return done + text.slice(from);
}

/** Where the bracket closes that was opened before `from`. */
function closing(text: string, from: number): number {
  let open = 1;
  let at = from;
  for (; open > 0; at++) {
    if (text[at] === "[") open++;
    else if (text[at] === "]") open--;
  }
  return at - 1;
}
