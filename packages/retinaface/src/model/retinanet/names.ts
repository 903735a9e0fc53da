import type { StateDict } from "@retinaface-webgpu/tensor/inference";

/** Of torchvision before 0.14, a block of the pyramid was the convolution itself … */
const OLD_BLOCK = /^(fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$/;
/** … and convolutions of a subnet alternated with its ReLUs. */
const OLD_LAYER = /^(\w+Head\.conv)\.(\d+)\.(weight|bias)$/;

const PREFIXES = [
  ["backbone.", ""],
  ["head.classification_head.", "ClassHead."],
  ["head.regression_head.", "BboxHead."],
] as const;

/** The names used here of torchvision's names, of the layouts before and since its 0.14. */
export function fromTorchvision(state: StateDict): StateDict {
  const renamed = [...state].map(([name, tensor]) => {
    const prefix = PREFIXES.find(([theirs]) => name.startsWith(theirs));
    const own = prefix ? prefix[1] + name.slice(prefix[0].length) : name;
    const current = own
      .replace(OLD_BLOCK, "$1.0.$2")
      .replace(OLD_LAYER, (_, conv, n, part) => `${conv}.${Number(n) / 2}.0.${part}`);
    return [current, tensor] as const;
  });
  return new Map(renamed);
}

/** torchvision's names, of 0.14 and later, of the names used here. */
export function toTorchvision(state: StateDict): StateDict {
  const renamed = [...state].map(([name, tensor]) => {
    const [theirs, ours] = PREFIXES.slice(1).find(([, own]) => name.startsWith(own)) ?? PREFIXES[0];
    return [theirs + name.slice(ours.length), tensor] as const;
  });
  return new Map(renamed);
}
