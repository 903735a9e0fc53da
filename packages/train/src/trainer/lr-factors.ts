import type { nn } from "@retinaface-webgpu/tensor";
import { OptionError, type RetinaFaceNetwork } from "retinaface-webgpu";
import { HEADS, PARTS, parseFreeze } from "./freeze.js";

type Parameter = nn.Parameter;

/** Parameters with their learning rate, as an optimizer takes them. */
export interface RatedParameters {
  readonly parameters: readonly Parameter[];
  readonly lr: number;
}

/** `name=number` by name, from a list such as `classes=1,boxes=2`. @throws {OptionError} for anything else */
export function parseNamedNumbers(text: string, what: string): Record<string, number> {
  const entries = text.split(",").map((part): [string, number] => {
    const [name, value, ...rest] = part.split("=").map((side) => side.trim());
    const number = value === undefined || value === "" ? Number.NaN : Number(value);
    if (name !== "" && rest.length === 0 && number >= 0 && Number.isFinite(number))
      return [name, number];
    throw new OptionError(
      `${what} cannot be "${part.trim()}": write NAME=NUMBER, several joined by commas, numbers of at least 0`,
    );
  });
  const names = entries.map(([name]) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new OptionError(`${what} name ${twice} twice: give it once`);
  return Object.fromEntries(entries);
}

/**
 * Factors of the learning rate by part, from a list such as `backbone=0.1,heads=2`; `backbone` stands for its stages, a
 * part named itself goes before it.
 *
 * @throws {OptionError} for a part that the network does not have, or a factor of 0: frozen parts are `--freeze`'s
 */
export function parseLrFactors(
  text: string,
  parts: readonly string[] = PARTS,
): Record<string, number> {
  const given = parseNamedNumbers(text, "learning rate factors");
  const wide: [string, number][] = [];
  const narrow: [string, number][] = [];
  for (const [name, factor] of Object.entries(given)) {
    if (factor === 0)
      throw new OptionError(`a factor of 0 for ${name}: a part that does not train is frozen`);
    if (name === HEADS || parts.includes(name)) narrow.push([name, factor]);
    else if (name === "backbone")
      wide.push(...parseFreeze(name, parts).map((part): [string, number] => [part, factor]));
    else
      throw new OptionError(
        `there is no part "${name}": give factors for ${parts.join(", ")}, backbone or ${HEADS}`,
      );
  }
  return Object.fromEntries([...wide, ...narrow]);
}

/** A network's parameters, those of the plain rate first: an optimizer's first group shows the run's rate. */
export function rateParameters(
  network: RetinaFaceNetwork,
  lr: number,
  factors: Readonly<Record<string, number>>,
): RatedParameters[] {
  const factorOf = new Map<Parameter, number>();
  const mark = (modules: readonly nn.Module[], factor = 1) => {
    for (const module of modules)
      for (const parameter of module.parameters()) factorOf.set(parameter, factor);
  };
  for (const { name, modules } of network.parts()) mark(modules, factors[name]);
  const all = [...network.parameters()];
  const rateOf = (parameter: Parameter) => factorOf.get(parameter) ?? factors[HEADS] ?? 1;
  const rates = new Set([1, ...all.map(rateOf)]);
  return [...rates].map((factor) => ({
    parameters: all.filter((parameter) => rateOf(parameter) === factor),
    lr: lr * factor,
  }));
}
