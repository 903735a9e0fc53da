/** The page of all operations: each example is called on tensors without memory, and tells shapes, types and gradients. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { NO_OPERATIONS, operationExamples } from "./operation-examples.mjs";
import { root } from "./paths.mjs";

const TYPES = ["f32", "f16", "i32", "u32"];

const load = (file) => import(pathToFileURL(path.join(root, "packages/tensor/dist", file)).href);

/** docs/operations.md as it should be. @throws Error naming operations without an example */
export async function operationsPage() {
  const parts = await Promise.all(["index.js", "ops/index.js", "ops/trace.js"].map(load));
  const [tensors, ops, { recordTrace }] = parts;
  const named = operationExamples;
  const known = new Set(Object.values(named).flatMap((rows) => rows.map(nameOf)));
  const missing = Object.keys(ops).filter((op) => !known.has(op) && !NO_OPERATIONS.includes(op));
  if (missing.length > 0) {
    throw new Error(
      `no example of ${missing.join(", ")} in tools/lib/operation-examples.mjs: give one`,
    );
  }
  const device = await tensors.Device.create();
  const trace = (example, type, then) => {
    const inputs = Object.values(example.inputs).map(({ shape, dtype = type }) => {
      const requiresGrad = dtype === "f32" || dtype === "f16";
      return tensors.zeros(device, shape, { dtype, requiresGrad });
    });
    const args = inputs.length > 0 ? inputs : [device];
    return recordTrace(() => then(tensorsOf(example.call(ops, ...args)), inputs)).result;
  };
  const sections = Object.entries(named).map(([group, examples]) => {
    const rows = examples.map((example) => tableRow(example, trace));
    return `## ${group}\n\n${table(["call", "shapes", "types", "gradient to"], rows)}\n`;
  });
  device.destroy();
  return `${introduction(known.size)}\n${sections.join("\n")}`;
}

const nameOf = ({ shown }) => shown.slice(0, shown.indexOf("("));

/** The tensors of a result: one, a list or an object of them. */
function tensorsOf(result) {
  if (Array.isArray(result)) return result;
  return "shape" in result ? [result] : Object.values(result);
}

function tableRow(example, trace) {
  const inputs = Object.entries(example.inputs);
  const show = ({ shape }) => `[${shape.join(", ")}]`;
  const results = trace(example, "f32", (outputs) => outputs.map(show));
  const from = inputs.map(([, input]) => show(input)).join(", ");
  const free = inputs.some(([, { dtype }]) => dtype === undefined);
  const taken = free ? TYPES.filter((type) => takes(example, type, trace)) : typesOf(inputs);
  return [
    `\`${example.shown}\``,
    `${from}${from && " → "}${results.join(", ")}`,
    taken.join(", "),
    gradientsOf(
      example,
      inputs.map(([name]) => name),
      trace,
    ).join(", ") || "–",
  ];
}

function typesOf(inputs) {
  return inputs.length > 0 ? [...new Set(inputs.map(([, { dtype }]) => dtype))] : ["f32"];
}

/** Whether tensors of a type are taken: else the error says that their type is the reason. */
function takes(example, type, trace) {
  try {
    return trace(example, type, () => true);
  } catch (error) {
    if (error.code === "DTYPE") return false;
    throw error;
  }
}

/** Names of the inputs that a gradient comes to. */
function gradientsOf(example, names, trace) {
  return trace(example, "f32", (outputs, inputs) => {
    for (const output of outputs.filter(({ requiresGrad }) => requiresGrad)) {
      output.backward(output.detach());
    }
    return names.filter((_, i) => inputs[i].grad !== undefined);
  });
}

function table(head, rows) {
  const widths = head.map((title, k) =>
    Math.max(...[title, ...rows.map((r) => r[k])].map((c) => c.length)),
  );
  const line = (cells) => `| ${cells.map((cell, k) => cell.padEnd(widths[k])).join(" | ")} |`;
  return [line(head), line(widths.map((n) => "-".repeat(n))), ...rows.map(line)].join("\n");
}

function introduction(count) {
  return `# Operations

All ${count} operations of \`@retinaface-webgpu/tensor\`, each called once: shapes of its tensors and of what comes of them,
element types that it takes, and the inputs that a gradient comes to. Names and meanings are PyTorch's where it has the
operation, except that images are NHWC, \`axis\` is its \`dim\`, and its \`gather\` is \`gatherElements\` here; options stand in the
API reference (\`npm run docs\`). All of them compile. Layers made of them are in \`nn\`.

This page is made from the operations themselves by \`node tools/operations.mjs\`, and \`npm test\` fails where it is not what
they say.
`;
}
