/** The page of all operations: each example is called on tensors without memory, and tells shapes, types and gradients. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { NO_OPERATIONS, operationExamples } from "./operation-examples.mjs";
import { root } from "./paths.mjs";

const TYPES = ["f32", "f16", "i32", "u32"];

/** Files of the tensor package. */
const load = (file) => import(pathToFileURL(path.join(root, "packages/tensor/dist", file)).href);

/** docs/operations.md as it should be. @throws Error naming operations without an example */
export async function operationsPage() {
  const [tensors, ops, { recordTrace }, processors] = await Promise.all([
    load("index.js"),
    load("ops/index.js"),
    load("ops/trace.js"),
    loadProcessors(),
  ]);
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
  const host = await processors.createHostDevice();
  const onProcessors = (example) => processorsCell(example, { processors, tensors, ops, host });
  const refusals = [];
  const sections = Object.entries(named).map(([group, examples]) => {
    const rows = examples.map((example) => {
      const row = tableRow(example, trace);
      const { cell, refused } = onProcessors(example);
      refusals.push(...refused);
      return [...row, cell];
    });
    const head = ["call", "shapes", "types", "gradient to", "on processors"];
    return `## ${group}\n\n${table(head, rows)}\n`;
  });
  device.destroy();
  host.destroy();
  return `${introduction(known.size, refusals)}\n${sections.join("\n")}`;
}

/** What tells whether the WebAssembly engine has kernels for a graph. */
async function loadProcessors() {
  const files = [
    "ops/trace.js",
    "compile/trace.js",
    "compile/wasm/steps.js",
    "compile/wasm/further.js",
    "compile/wasm/index.js",
  ];
  const steps = [
    "compile/step/graph.js",
    "compile/wasm/step/lower.js",
    "compile/wasm/unsupported.js",
  ];
  return Object.assign({}, ...(await Promise.all([...files, ...steps].map(load))));
}

/** Types that plans of the WebAssembly engine take an operation with, and whether compiled steps take its gradient. */
function processorsCell(example, { processors, tensors, ops, host }) {
  const refused = [];
  const lowers = (lower) => {
    try {
      lower();
      return true;
    } catch (error) {
      if (error.code === "DTYPE") return false;
      if (!(error instanceof processors.WasmUnsupportedError)) throw error;
      refused.push(error.message);
      return false;
    }
  };
  const inputs = Object.values(example.inputs);
  if (inputs.length === 0) {
    example.call(ops, host);
    return { cell: "made there", refused };
  }
  const plan = (type) => () => {
    const infos = inputs.map(({ shape, dtype = type }) => ({ shape, dtype }));
    const forward = (...x) => tensorsOf(example.call(ops, ...x));
    const { graph } = processors.traceForward(host, forward, infos);
    processors.lowerGraph(graph, processors.furtherSteps);
  };
  const free = inputs.some(({ dtype }) => dtype === undefined);
  const types = free ? TYPES : typesOf(Object.entries(example.inputs));
  const plans = (free ? TYPES : ["f32"]).filter((type) => lowers(plan(type)));
  const step = () => {
    const given = inputs.map(({ shape, dtype = "f32" }) => {
      return tensors.zeros(host, shape, { dtype, requiresGrad: dtype === "f32" });
    });
    const { trace } = processors.recordTrace(() => {
      for (const y of tensorsOf(example.call(ops, ...given))) {
        if (y.requiresGrad) y.backward(y.detach());
      }
    });
    for (const node of new processors.GraphBuilder().nodes(trace)) processors.lowerNode(node);
    return given.some(({ grad }) => grad);
  };
  let hasGradient = false;
  const steps = lowers(() => {
    hasGradient = step();
  });
  const shown = plans.length === 0 ? "–" : (free ? plans : types).join(", ");
  return { cell: steps && hasGradient ? `${shown}; steps` : shown, refused };
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

function introduction(count, refusals) {
  return `# Operations

All ${count} operations of \`@retinaface-webgpu/tensor\`, each called once: shapes of its tensors and of what comes of them,
element types that it takes, and the inputs that a gradient comes to. Names and meanings are PyTorch's where it has the
operation, except that images are NHWC, \`axis\` is its \`dim\`, and its \`gather\` is \`gatherElements\` here; options stand in the
API reference (\`npm run docs\`). Layers made of them are in \`nn\`.

On WebGPU all of them run one at a time, in plans (\`compile\`), and with their gradients in compiled steps (\`compileStep\`). The
last column says what the WebAssembly engine, for processors, has of that: the types of plans, and "steps" where its compiled
steps have the gradient too. What is not there is \`WASM_UNSUPPORTED\` before anything runs, as in
"${refusals[0]}"

This page is made from the operations themselves by \`node tools/operations.mjs\`, and \`npm test\` fails where it is not what
they say.
`;
}
