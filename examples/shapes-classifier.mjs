// Trains a small convolutional classifier on drawn shapes, from scratch: node examples/shapes-classifier.mjs
import {
  argmax,
  crossEntropy,
  Device,
  nn,
  optim,
  Random,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";

const SIDE = 24;
const BATCH = 32;
const STEPS = 160;
const SHAPES = [
  ["disc", (x, y) => x * x + y * y < 1],
  ["square", (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.85],
  ["ring", (x, y) => Math.abs(Math.hypot(x, y) - 0.8) < 0.25],
  ["cross", (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.25 && Math.hypot(x, y) < 1.1],
];

/** `count` noisy pictures of one shape each, anywhere, of any size and contrast. */
function draw(device, random, count) {
  const pixels = new Float32Array(count * SIDE * SIDE);
  const labels = Int32Array.from({ length: count }, () => random.integer(SHAPES.length));
  for (let n = 0; n < count; n++) {
    const inside = SHAPES[labels[n]][1];
    const radius = random.uniform(6, 11);
    const [cx, cy] = [0, 1].map(() => random.uniform(radius, SIDE - radius));
    const contrast = random.uniform(0.6, 1.4);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const hit = inside(((i % SIDE) - cx) / radius, (Math.floor(i / SIDE) - cy) / radius);
      pixels[n * SIDE * SIDE + i] = (hit ? contrast : 0) + 0.15 * random.normal();
    }
  }
  return [
    tensor(device, pixels, [count, SIDE, SIDE, 1]),
    tensor(device, labels, [count], { dtype: "i32" }),
  ];
}

const device = await Device.create();
const random = new Random(1);
const init = nn.Init.seeded(device, 1);
const block = (from, to) => [
  new nn.Conv2d(init, from, to, { kernelSize: 3, stride: 2, padding: 1, bias: false }),
  new nn.BatchNorm2d(init, to),
  new nn.ReLU(),
];
const layers = [...block(1, 12), ...block(12, 24), ...block(24, 32), new nn.GlobalAvgPool2d()];
const net = new nn.Sequential(...layers, new nn.Flatten(), new nn.Linear(init, 32, SHAPES.length));
const optimizer = new optim.AdamW(net.parameters(), { lr: 0.01 });
const schedule = optim.linearWarmup(10, optim.cosineLR(STEPS));

for (let step = 0; step < STEPS; step++) {
  optimizer.scaleLearningRate(schedule(step));
  const loss = tidy(() => {
    const [images, labels] = draw(device, random, BATCH);
    const value = crossEntropy(net.forward(images), labels);
    value.backward();
    return value.detach();
  });
  optimizer.step();
  optimizer.zeroGrad();
  if (step % 10 === 0) {
    const value = await loss.item();
    console.log(`${step}`.padStart(4), value.toFixed(3), "#".repeat(Math.round(value * 40)));
  }
  loss.dispose();
}

net.eval();
const [images, labels] = draw(device, random, 400);
const guesses = tidy(() => argmax(net.forward(images), 1));
const [found, truth] = [await guesses.data(), await labels.data()];
const right = found.filter((guess, i) => guess === truth[i]).length;
console.log(`${((100 * right) / truth.length).toFixed(1)} % of ${truth.length} new pictures right`);
device.destroy();
