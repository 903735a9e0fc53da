import { InvalidArgumentError } from "commander";
import { type NetworkConfig, PAPER_PARTS } from "retinaface-webgpu";

/** Forms of the network, by what they have. */
const FORMS = { pytorch: {}, paper: PAPER_PARTS } as const;
/** Parts that can be switched. */
const SWITCHES = ["deformable", "cascade", "context", "separable", "objectness"] as const;
/** Those of which the table of heads tells. */
type HeadSwitch = "objectness";

/** Parts that a form of the network has. */
export interface NetworkForm {
  readonly parts: Partial<
    Pick<NetworkConfig, Exclude<(typeof SWITCHES)[number], HeadSwitch> | "extraLevels">
  >;
  /** Whether a head says objectness beside the classes. */
  readonly objectness: boolean;
  /** As it was given. */
  readonly text: string;
}

/** `pytorch` or `paper`, then parts such as `deformable` or `no-cascade`; for the option's parser. */
export function networkForm(text: string): NetworkForm {
  const [first, ...rest] = text.split(",").map((name) => name.trim());
  const hasForm = Object.hasOwn(FORMS, first);
  const form = hasForm ? (first as keyof typeof FORMS) : "pytorch";
  const switched = (hasForm ? rest : [first, ...rest]).map((name): [string, boolean] => {
    const part = name.replace(/^no-/, "");
    if ((SWITCHES as readonly string[]).includes(part)) return [part, part === name];
    throw new InvalidArgumentError(
      `It must be ${Object.keys(FORMS).join(" or ")}, or begin with it, and list parts among ` +
        `${SWITCHES.join(", ")}, with no- before what there shall not be, such as paper,no-cascade.`,
    );
  });
  const { objectness = false, ...parts } = Object.fromEntries(switched);
  return { parts: { ...FORMS[form], ...parts }, objectness, text };
}
