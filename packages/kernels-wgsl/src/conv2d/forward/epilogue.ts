/** The end of forward kernels. */
import { type ForwardText, loaded, stored, vec, type Width } from "./forward.js";

/** Where channels end: the names that one output or the other has in the text. */
interface End {
  readonly suffix: "" | "_second";
  readonly buffer: "output" | "second";
  /** What the fields of its activation, and those of its place in memory, begin with. */
  readonly activation: "p." | "p.second_";
  readonly place: "p.out_" | "p.second_";
}

const OUTPUT: End = { suffix: "", buffer: "output", activation: "p.", place: "p.out_" };
const SECOND: End = {
  suffix: "_second",
  buffer: "second",
  activation: "p.second_",
  place: "p.second_",
};

/** WGSL that converts what is computed to what is stored. */
function toStored({ types }: ForwardText, width: Width, value: string): string {
  return types.output === "f32" ? value : `${stored(types.output, width)}(${value})`;
}

/** `activate` and `store` for one of the outputs. */
function endWgsl(text: ForwardText, { suffix, buffer, activation, place }: End): string {
  const type = vec(text.width);
  const wide = `${buffer}[at / ${text.width}u] = ${toStored(text, text.width, "y")};`;
  const narrow = Array.from({ length: text.width }, (_, i) => {
    const item = text.width === 1 ? "y" : `y[${i}]`;
    return `if (${i}u < count) {
    ${buffer}[at + ${i}u] = ${toStored(text, 1, item)};
  }`;
  }).join("\n  ");
  return /* wgsl */ `
fn activate${suffix}(x: ${type}) -> ${type} {
  let low = select(x * ${activation}slope, ${type}(), x < ${type}(${activation}lowest));
  return select(low, x, x >= ${type}());
}

fn store${suffix}(pixel: u32, channel: u32, count: u32, y: ${type}) {
  let at = pixel * ${place}stride + ${place}offset + channel;
  ${text.wideOut ? wide : narrow}
}
`;
}

/** `finish_plain`: past its activation to the output, or to the one of the two that a channel belongs to. */
function finishPlain(text: ForwardText): string {
  const head = `
fn finish_plain(pixel: u32, channel: u32, count: u32, value: ${vec(text.width)}) {`;
  if (!text.second)
    return `${head}
  store(pixel, channel, count, activate(value));
}
`;
  return `${head}
  if (channel >= p.split) {
    store_second(pixel, channel - p.split, count, activate_second(value));
  } else {
    store(pixel, channel, min(count, p.split - channel), activate(value));
  }
}
`;
}

/**
 * The end of a forward kernel: `finish(pixel, channel, count, value)` adds the residual (if one is
 * bound), applies the activation and stores the first `count` of `width` consecutive channels;
 * `finish_plain` does the same without residual.
 */
export function epilogueWgsl(text: ForwardText): string {
  const type = vec(text.width);
  const each = (item: (i: number) => string): string =>
    Array.from({ length: text.width }, (_, i) => item(i)).join(", ");
  const { types } = text;
  const load = text.wideOut
    ? loaded(types.residual, text.width, `residual[at / ${text.width}u]`)
    : `${type}(${each((i) => loaded(types.residual, 1, `residual[at + min(${i}u, count - 1u)]`))})`;
  const withResidual = /* wgsl */ `
fn finish(pixel: u32, channel: u32, count: u32, value: ${type}) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = ${load};
  let before = p.residual_order == 1u;
  let sum = activate(value + select(${type}(), r, before)) + select(r, ${type}(), before);
  store(pixel, channel, count, sum);
}
`;
  const plain = /* wgsl */ `
fn finish(pixel: u32, channel: u32, count: u32, value: ${type}) {
  finish_plain(pixel, channel, count, value);
}
`;
  const ends = [OUTPUT, ...(text.second ? [SECOND] : [])].map((end) => endWgsl(text, end)).join("");
  return `${ends}${finishPlain(text)}${text.residual ? withResidual : plain}`;
}
