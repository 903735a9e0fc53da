import { einsum, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as reference from "../../reference/einsum.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

for (const { equation, shapes, plain = equation } of [
  {
    equation: "ij,jk->ik",
    shapes: [
      [3, 5],
      [5, 2],
    ],
  },
  {
    equation: "ij,kj->ki",
    shapes: [
      [3, 5],
      [2, 5],
    ],
  },
  {
    equation: "bij,bjk->bik",
    shapes: [
      [2, 3, 5],
      [2, 5, 4],
    ],
  },
  {
    equation: "bij , bkj -> bi",
    shapes: [
      [2, 3, 5],
      [2, 4, 5],
    ],
    plain: "bij,bkj->bi",
  },
  { equation: "i,j->ij", shapes: [[3], [4]] },
  { equation: "i,i->", shapes: [[7], [7]] },
  { equation: "ij->ji", shapes: [[3, 5]] },
  { equation: "ij->", shapes: [[3, 5]] },
  { equation: "ii->i", shapes: [[4, 4]] },
  { equation: "ii", shapes: [[4, 4]], plain: "ii->" },
  {
    equation: "iij,jk->ki",
    shapes: [
      [3, 3, 2],
      [2, 5],
    ],
  },
  {
    equation: "bn,anm,bm->ba",
    shapes: [
      [2, 3],
      [4, 3, 5],
      [2, 5],
    ],
  },
  { equation: "ij,j", shapes: [[3, 5], [5]], plain: "ij,j->i" },
  {
    equation: "ba,ac",
    shapes: [
      [3, 5],
      [5, 2],
    ],
    plain: "ba,ac->bc",
  },
  {
    equation: "...ij,...jk->...ik",
    shapes: [
      [2, 1, 3, 5],
      [4, 5, 2],
    ],
    plain: "baij,ajk->baik",
  },
  { equation: "i...->...", shapes: [[3, 2, 5]], plain: "ijk->jk" },
  {
    equation: "ij,ij->ij",
    shapes: [
      [1, 5],
      [3, 5],
    ],
  },
  {
    equation: "hqd,hkd->qhk",
    shapes: [
      [2, 3, 4],
      [2, 5, 4],
    ],
  },
]) {
  test(`einsum ${equation}: values and gradients`, async () => {
    await checkOp(device(), {
      name: `einsum ${equation}`,
      inputs: shapes.map((shape) => ({ shape })),
      op: (...x) => einsum(equation, x),
      reference: (...x) => reference.einsum(plain, ...x),
      seed: shapes.length,
    });
  });
}

test("einsum compiled, and of integers where nothing is summed over", async () => {
  const [a, b] = [
    tensor(device(), [1, 2, 3, 4, 5, 6], [2, 3]),
    tensor(device(), [1, -1, 2, 0, 3, 1], [3, 2]),
  ];
  await checkCompiled(device(), "einsum", (x, y) => einsum("ij,jk->ki", [x, y]), [a, b]);
  const [m, n] = [
    [2, 3],
    [4, 5, 6],
  ].map((v) => tensor(device(), v, undefined, { dtype: "i32" }));
  assert.equal([...(await tidy(() => einsum("i,j->ij", [m, n])).data())], [8, 10, 12, 12, 15, 18]);
});

test("equations that are none, and operands that do not fit", () => {
  const x = tensor(device(), [1, 2, 3, 4, 5, 6], [2, 3]);
  throwsCode(() => einsum("ij,jk->ik", [x]), "ARGUMENT", /names 2 operands, and 1 were given/);
  throwsCode(() => einsum("i->i", [x]), "SHAPE", /operand 0 is \[2, 3\] and has 1 letters/);
  throwsCode(() => einsum("ij,jk->ik", [x, x]), "SHAPE", /"j" has extent 3 .* 2; they must agree/);
  throwsCode(() => einsum("ij->k", [x]), "ARGUMENT", /"k" of the result/);
  throwsCode(() => einsum("ij->ii", [x]), "ARGUMENT", /"i" of the result/);
  throwsCode(() => einsum("i1->i", [x]), "ARGUMENT", /no term/);
  throwsCode(() => einsum("ij->i->j", [x]), "ARGUMENT", /more than one ->/);
  throwsCode(() => einsum("ij", x as never), "ARGUMENT", /array of tensors/);
  throwsCode(() => einsum(x as never, [x]), "ARGUMENT", /string/);
});

test.run();
