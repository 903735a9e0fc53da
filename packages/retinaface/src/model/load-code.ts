/** The code of one network: that of MobileNet, which the bundled weights have, is there; the rest comes when it is asked for. */
import { MobileNetV1 } from "./backbones/mobilenet.js";
import type { NetworkCode } from "./code.js";
import { objectnessHead } from "./heads.js";
import { LIGHT_FORMS } from "./light-forms.js";
import type { NetworkConfig } from "./network-config.js";
import { type BackboneMaker, backboneEntry, isSeparable } from "./registry.js";

/** @throws OptionError for a backbone that there is not */
export async function loadCode(config: NetworkConfig): Promise<NetworkCode> {
  const { backbone, deformable, cascade, heads: table = [] } = config;
  const { create = await loadMaker(backbone), heads } = backboneEntry(backbone);
  const light = heads === "separable" && (await import("./light-heads.js"));
  const boxes = cascade && (await import("./cascade-boxes.js"));
  const objectness = objectnessHead(table) && (await import("./objectness.js"));
  const deform = deformable && (await import("./deform.js"));
  const separable = isSeparable(config) && (await import("./separable.js"));
  return {
    create,
    deformable: deform ? deform.ModulatedDeformConv2d : undefined,
    separable: separable ? separable.SeparableConv2d : undefined,
    head: light ? light.lightHead : undefined,
    relativeToAnchors: boxes ? boxes.relativeToAnchors : undefined,
    withObjectness: objectness?.withObjectness,
  };
}

async function loadMaker(backbone: string): Promise<BackboneMaker> {
  if (backbone === "mobilenet0.25") return (init, width) => new MobileNetV1(init, width);
  if (backbone === "light") {
    const { Light } = await import("./backbones/light.js");
    return (init) => new Light(init);
  }
  const form = LIGHT_FORMS[backbone];
  if (form) {
    const { Slim } = await import("./backbones/slim.js");
    return (init) => new Slim(init, form);
  }
  const { ResNet18, ResNet50 } = await import("./backbones/resnet.js");
  return (init) => (backbone === "resnet18" ? new ResNet18(init) : new ResNet50(init));
}
