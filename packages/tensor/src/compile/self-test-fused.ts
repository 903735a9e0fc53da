/** The self-test of plans: also of convolutions that have a dispatch in common. */
import { type Conv2dSpec, depthwisePoint, severalPoints } from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "../device/device.js";
import type { ConvNode, Graph } from "./graph.js";
import type { FusedConvolutions } from "./join-convolutions.js";
import {
  caseOf,
  computed,
  type Representative,
  run,
  testedVariants,
  textOf,
  verdict,
  warnOnce,
} from "./self-test.js";
import { hostConv2d, testConv, testPair } from "./self-test-conv.js";
import { fusedSpec, type VariantChooser } from "./steps.js";

/** Which kernels run a graph's convolutions. */
export interface Kernels {
  readonly choose: VariantChooser;
  readonly fused: FusedConvolutions;
}

/**
 * What is wanted, where all kernels compute right; else others that do.
 * @throws SelfTestError when the general kernel is wrong too
 */
export async function testedKernels(
  device: Device,
  graph: Graph,
  wanted: Kernels,
  warn: (message: string) => void,
): Promise<Kernels> {
  const { pairs, several } = wanted.fused;
  const [rightPairs, rightSeveral] = await Promise.all([
    rightOf([...pairs], ([node, depthwise]) => isRightPair(device, depthwise, node)),
    rightOf(several, (nodes) => areRightPoints(device, nodes)),
  ]);
  const wrong = [
    ...(rightPairs.length < pairs.size ? ["depthwise-point"] : []),
    ...(rightSeveral.length < several.length ? ["several-points"] : []),
  ];
  if (wrong.length > 0) warnOnce(device, wrong.join(", "), warn);
  const together = new Set([...rightPairs.flat(), ...rightSeveral.flat()]);
  const alone = graph.nodes.filter((node) => node.kind === "conv" && !together.has(node));
  const specs = alone.map((node) => fusedSpec(node as ConvNode));
  const choose = await testedVariants(device, specs, wanted.choose, warn);
  if (choose === wanted.choose && wrong.length === 0) return wanted;
  return { choose, fused: { pairs: new Map(rightPairs), several: rightSeveral } };
}

async function rightOf<T>(
  all: readonly T[],
  isRight: (one: T) => Promise<boolean>,
): Promise<readonly T[]> {
  const verdicts = await Promise.all(all.map(isRight));
  return all.filter((_, i) => verdicts[i]);
}

function isRightPair(device: Device, depthwise: ConvNode, point: ConvNode): Promise<boolean> {
  const specs = [depthwise, point].map(fusedSpec) as [Conv2dSpec, Conv2dSpec];
  const { pair } = depthwisePoint(...specs);
  const key = `${caseOf(specs[0], pair)}|${specs[1].residual?.order}`;
  return verdict(device, key, () => run(device, smallPair(specs, textOf(pair))));
}

function smallPair(
  [depthwise, point]: readonly [Conv2dSpec, Conv2dSpec],
  text: string,
): Representative {
  const candidates = [16, 32, Number.POSITIVE_INFINITY].map((channels): Representative => {
    const [first, test] = testPair(depthwise, point, channels);
    const { pair, depthwise: packing } = depthwisePoint(first.spec, test.spec);
    return { test, launch: pair, depthwise: { test: first, launch: packing } };
  });
  return candidates.find(({ launch }) => textOf(launch) === text) ?? candidates[0];
}

/** Channels of small 1×1 convolutions: their text depends on no number of channels. */
const FEW_CHANNELS = 16;

function areRightPoints(device: Device, nodes: readonly ConvNode[]): Promise<boolean> {
  const specs = nodes.map(fusedSpec);
  return verdict(device, severalPoints(specs).kernel.wgsl, () => {
    const tests = specs.map((spec, k) => testConv(spec, FEW_CHANNELS, SIDES + k));
    const { kernel, packing } = severalPoints(tests.map(({ spec }) => spec));
    const expected = tests.flatMap(hostConv2d);
    const [weight, bias] = (["weight", "bias"] as const).map((name) =>
      Float32Array.from(tests.flatMap((test) => [...test[name]])),
    );
    return computed(device, expected, specs[0].outType, async ({ make, pack }, outputs) => {
      await device.prepare(kernel);
      const inputs = tests.map(({ input, spec }) => make(input.length, input, spec.inType));
      device.run(kernel, [pack(packing, { weight, bias }), ...inputs, ...outputs]);
    });
  });
}

/** Output pixels a side of the smallest map, about: of the largest there are more than a workgroup's 64. */
const SIDES = 7;
