// A transformer of one block (Vaswani et al. 2017) learns a made-up language: node examples/tiny-transformer.mjs
import {
  add,
  argmax,
  compileStep,
  crossEntropy,
  Device,
  gelu,
  nn,
  noGrad,
  optim,
  Random,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";

const [BATCH, LENGTH, WIDTH, STEPS] = [16, 24, 32, 100];
const WORDS = ["kato", "mira", "sul", "benodi", "tha"];
const LETTERS = [...new Set(WORDS.join("")), " "];

/** Words in a row, each doubled: "mira mira sul sul …", so that what follows is told by what was before. */
function speak(random) {
  let text = "";
  while (text.length <= LENGTH) text += `${WORDS[random.integer(WORDS.length)]} `.repeat(2);
  return [...text.slice(0, LENGTH + 1)].map((letter) => LETTERS.indexOf(letter));
}

class Transformer extends nn.Module {
  constructor(init) {
    super();
    this.letters = new nn.Embedding(init, LETTERS.length, WIDTH);
    this.places = new nn.Embedding(init, LENGTH, WIDTH);
    this.norms = [0, 1, 2].map(() => new nn.LayerNorm(init, WIDTH));
    this.attention = new nn.MultiheadAttention(init, WIDTH, 4);
    this.wide = new nn.Linear(init, WIDTH, 2 * WIDTH);
    this.narrow = new nn.Linear(init, 2 * WIDTH, WIDTH);
    this.head = new nn.Linear(init, WIDTH, LETTERS.length);
  }
  forward(text) {
    const x = add(this.letters.forward(text), this.places.weight);
    const y = this.norms[0].forward(x);
    const seen = add(x, this.attention.forward(y, y, y, { isCausal: true }));
    const thought = this.wide.forward(this.norms[1].forward(seen));
    const told = add(seen, this.narrow.forward(gelu(thought)));
    return this.head.forward(this.norms[2].forward(told));
  }
}

const device = await Device.create();
const random = new Random(1);
const net = new Transformer(nn.Init.seeded(device, 1));
const info = { shape: [BATCH, LENGTH], dtype: "i32" };
const step = await compileStep(device, {
  inputs: { text: info, next: info },
  losses: ({ text, next }) => ({ total: crossEntropy(net.forward(text), next) }),
  optimizer: new optim.AdamW(net.parameters(), { lr: 0.01 }),
});
for (let k = 0; k < STEPS; k++) {
  const lines = Array.from({ length: BATCH }, () => speak(random));
  step.inputs.text.write(lines.flatMap((line) => line.slice(0, -1)));
  step.inputs.next.write(lines.flatMap((line) => line.slice(1)));
  step.run();
  if (k % 50 === 0) console.log(`${k}`.padStart(4), (await step.read()).total.toFixed(3));
}

// It goes on from the first word, letter by letter.
let text = [..."kato "].map((letter) => LETTERS.indexOf(letter));
while (text.length < LENGTH) {
  const padded = [...text, ...new Array(LENGTH - text.length).fill(0)];
  const best = tidy(() =>
    noGrad(() => argmax(net.forward(tensor(device, padded, [1, LENGTH], { dtype: "i32" })), -1)),
  );
  text = [...text, (await best.data())[text.length - 1]];
}
console.log(text.map((k) => LETTERS[k]).join(""));
device.destroy();
