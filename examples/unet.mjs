// Segments drawn discs among stripes and noise with a small U-Net (Ronneberger et al. 2015): node examples/unet.mjs
import {
  binaryCrossEntropyWithLogits,
  compile,
  compileStep,
  concat,
  Device,
  maxPool,
  nn,
  optim,
  Random,
  relu,
} from "@retinaface-webgpu/tensor";

const [BATCH, SIDE, STEPS] = [8, 32, 60];

/** Pictures [BATCH, SIDE, SIDE, 1] with two discs each, and the discs' pixels as ones. */
function draw(random) {
  const pixels = new Float32Array(BATCH * SIDE * SIDE);
  const mask = new Float32Array(pixels.length);
  for (let n = 0; n < BATCH; n++) {
    const stripes = random.uniform(0.3, 1);
    const discs = [0, 1].map(() =>
      [0, 0, 0].map((_, k) => random.uniform(k < 2 ? 4 : 3, k < 2 ? 28 : 7)),
    );
    for (let i = 0; i < SIDE * SIDE; i++) {
      const [x, y, at] = [i % SIDE, Math.floor(i / SIDE), n * SIDE * SIDE + i];
      mask[at] = discs.some(([cx, cy, r]) => Math.hypot(x - cx, y - cy) < r) ? 1 : 0;
      pixels[at] = mask[at] + 0.5 * Math.sin((x + y) * stripes) + 0.3 * random.normal();
    }
  }
  return [pixels, mask];
}

class UNet extends nn.Module {
  constructor(init) {
    super();
    const conv = (from, to) => new nn.Conv2d(init, from, to, { kernelSize: 3, padding: 1 });
    const up = (from, to) => new nn.ConvTranspose2d(init, from, to, { kernelSize: 2, stride: 2 });
    Object.assign(this, { down1: conv(1, 8), down2: conv(8, 16), middle: conv(16, 32) });
    Object.assign(this, {
      up2: up(32, 16),
      join2: conv(32, 16),
      up1: up(16, 8),
      join1: conv(16, 8),
    });
    this.out = new nn.Conv2d(init, 8, 1, { kernelSize: 1 });
  }
  forward(x) {
    const half = (y) => maxPool(y, { kernelSize: 2, stride: 2 });
    const a = relu(this.down1.forward(x));
    const b = relu(this.down2.forward(half(a)));
    const c = relu(this.middle.forward(half(b)));
    const d = relu(this.join2.forward(concat([b, this.up2.forward(c)], -1)));
    return this.out.forward(relu(this.join1.forward(concat([a, this.up1.forward(d)], -1))));
  }
}

const device = await Device.create();
const random = new Random(1);
const net = new UNet(nn.Init.seeded(device, 1));
const info = { shape: [BATCH, SIDE, SIDE, 1], dtype: "f32" };
const step = await compileStep(device, {
  inputs: { x: info, mask: info },
  losses: ({ x, mask }) => ({ total: binaryCrossEntropyWithLogits(net.forward(x), mask) }),
  optimizer: new optim.AdamW(net.parameters(), { lr: 0.01 }),
});
for (let k = 0; k < STEPS; k++) {
  const [pixels, mask] = draw(random);
  step.inputs.x.write(pixels);
  step.inputs.mask.write(mask);
  step.run();
  if (k % 20 === 0) console.log(`${k}`.padStart(4), (await step.read()).total.toFixed(4));
}

const plan = await compile(device, (x) => net.forward(x), [info]);
const [pixels, mask] = draw(random);
plan.inputs[0].write(pixels);
plan.run();
const found = (await plan.outputs.tensor.data()).map((v) => (v > 0 ? 1 : 0));
const both = mask.filter((v, i) => v && found[i]).length;
const either = mask.filter((v, i) => v || found[i]).length;
console.log(`${((100 * both) / either).toFixed(1)} % overlap of new discs and what was found`);
device.destroy();
