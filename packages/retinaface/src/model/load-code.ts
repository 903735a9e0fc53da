/** The code of one network: that of MobileNet, which the bundled weights have, is there; the rest comes when it is asked for. */
import { MobileNetV1 } from "./backbones/mobilenet.js";
import type { NetworkCode } from "./code.js";
import { LIGHT_FORMS } from "./light-forms.js";
import type { NetworkConfig } from "./network-config.js";
import { type BackboneMaker, backboneEntry } from "./registry.js";

/** @throws OptionError for a backbone that there is not */
export async function loadCode({ backbone, deformable }: NetworkConfig): Promise<NetworkCode> {
  const create = backboneEntry(backbone).create ?? (await loadMaker(backbone));
  if (!deformable) return { create };
  const { ModulatedDeformConv2d } = await import("./deform.js");
  return { create, deformable: ModulatedDeformConv2d };
}

async function loadMaker(backbone: string): Promise<BackboneMaker> {
  if (backbone === "mobilenet0.25") return (init, width) => new MobileNetV1(init, width);
  const form = LIGHT_FORMS[backbone];
  if (form) {
    const { Slim } = await import("./backbones/slim.js");
    return (init) => new Slim(init, form);
  }
  const { ResNet18, ResNet50 } = await import("./backbones/resnet.js");
  return (init) => (backbone === "resnet18" ? new ResNet18(init) : new ResNet50(init));
}
