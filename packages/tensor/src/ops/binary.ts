import { type Kernel, linearWorkgroups, packParams } from "@retinaface-webgpu/kernels-wgsl";
import { broadcastShapes } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { defineOp } from "./op.js";

function addKernel(size: number): Kernel {
  return {
    name: "add",
    wgsl: `struct P { n: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(num_workgroups) g: vec3u, @builtin(local_invocation_index) l: u32) {
  let i = (w.x + w.y * g.x) * 64 + l;
  if (i < p.n) { y[i] = a[i] + b[i]; }
}`,
    bindings: ["read", "read", "read_write"],
    params: packParams([size]),
    workgroups: linearWorkgroups(size / 64),
    flops: size,
    bytes: size * 12,
  };
}

const addOp = defineOp<null>({
  name: "add",
  outputs: ([a, b]) => [{ shape: broadcastShapes("add", a.shape, b.shape), dtype: a.dtype }],
  forward: (run, [a, b], [y]) => run.kernel(addKernel(y.size), [a, b, y]),
  backward: ([gy]) => [gy, gy],
});

/** a + b with broadcasting. */
export const add = (a: Tensor, b: Tensor): Tensor => addOp([a, b], null)[0];
