/** The code of networks, all of it at once: for those who make networks of any configuration. */
import { Light } from "./backbones/light.js";
import { MobileNetV1 } from "./backbones/mobilenet.js";
import { ResNet18, ResNet50 } from "./backbones/resnet.js";
import { Slim } from "./backbones/slim.js";
import type { ConvolutionClass } from "./blocks.js";
import { relativeToAnchors } from "./cascade-boxes.js";
import { ModulatedDeformConv2d } from "./deform.js";
import { LIGHT_FORMS } from "./light-forms.js";
import { lightHead } from "./light-heads.js";
import type { NetworkConfig } from "./network-config.js";
import { withObjectness } from "./objectness.js";
import { type BackboneMaker, backboneEntry } from "./registry.js";
import { SeparableConv2d } from "./separable.js";

/** What a network is made of. */
export interface NetworkCode {
  readonly create: BackboneMaker;
  /** Where the configuration asks for deformable convolutions. */
  readonly deformable?: ConvolutionClass | undefined;
  /** Where merges and context modules are separable. */
  readonly separable?: ConvolutionClass | undefined;
  /** Heads of the form that the backbone asks for, where they are not pointwise. */
  readonly head?: typeof lightHead | undefined;
  /** Where it asks for a cascade. */
  readonly relativeToAnchors?: typeof relativeToAnchors | undefined;
  /** Where its table has an objectness head. */
  readonly withObjectness?: typeof withObjectness | undefined;
}

const MAKERS: Readonly<Record<string, BackboneMaker>> = {
  "mobilenet0.25": (init, width) => new MobileNetV1(init, width),
  resnet50: (init) => new ResNet50(init),
  resnet18: (init) => new ResNet18(init),
  light: (init) => new Light(init),
};

/** @throws OptionError for a backbone that there is not */
export function codeOf({ backbone }: NetworkConfig): NetworkCode {
  const { create, heads } = backboneEntry(backbone);
  const light: BackboneMaker = (init) => new Slim(init, LIGHT_FORMS[backbone]);
  return {
    create: create ?? MAKERS[backbone] ?? light,
    deformable: ModulatedDeformConv2d,
    separable: SeparableConv2d,
    head: heads === "separable" ? lightHead : undefined,
    relativeToAnchors,
    withObjectness,
  };
}
