// Tells two interleaved half circles apart, with a small perceptron: node examples/two-moons.mjs
import {
  binaryCrossEntropyWithLogits,
  compileStep,
  Device,
  nn,
  noGrad,
  optim,
  Random,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";

const COUNT = 256;
const STEPS = 400;

/** Points [COUNT, 2] of both moons with some noise, and which one each belongs to [COUNT, 1]. */
function moons(random) {
  const points = new Float32Array(COUNT * 2);
  const labels = Float32Array.from({ length: COUNT }, (_, i) => i % 2);
  for (let i = 0; i < COUNT; i++) {
    const angle = Math.PI * random.uniform();
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    points[2 * i] = (labels[i] ? 1 - x : x) + 0.1 * random.normal();
    points[2 * i + 1] = (labels[i] ? 0.5 - y : y) + 0.1 * random.normal();
  }
  return [points, labels];
}

const device = await Device.create();
const random = new Random(1);
const init = nn.Init.seeded(device, 1);
const net = new nn.Sequential(
  new nn.Linear(init, 2, 32),
  new nn.ReLU(),
  new nn.Linear(init, 32, 32),
  new nn.ReLU(),
  new nn.Linear(init, 32, 1),
);
const step = await compileStep(device, {
  inputs: {
    points: { shape: [COUNT, 2], dtype: "f32" },
    labels: { shape: [COUNT, 1], dtype: "f32" },
  },
  losses: ({ points, labels }) => ({
    total: binaryCrossEntropyWithLogits(net.forward(points), labels),
  }),
  optimizer: new optim.AdamW(net.parameters(), { lr: 0.01 }),
});

const [points, labels] = moons(random);
step.inputs.points.write(points);
step.inputs.labels.write(labels);
for (let k = 0; k < STEPS; k++) {
  step.run();
  if (k % 100 === 0) console.log(`${k}`.padStart(4), (await step.read()).total.toFixed(4));
}

const [fresh, truth] = moons(random);
const logits = tidy(() => noGrad(() => net.forward(tensor(device, fresh, [COUNT, 2]))));
const right = (await logits.data()).filter((v, i) => v > 0 === truth[i] > 0).length;
console.log(`${((100 * right) / COUNT).toFixed(1)} % of ${COUNT} new points right`);
device.destroy();
