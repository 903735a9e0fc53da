//// frame-pixels
struct Params {
  count: u32,
  width: u32,
  height: u32,
}
@group(0) @binding(0) var frame: texture_external;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }

  let y = i / p.width;
  let x = i - y * p.width;
  let at = vec2<u32>(x, y) * textureDimensions(frame) / vec2<u32>(p.width, p.height);
  pixels[i] = pack4x8unorm(vec4<f32>(textureLoad(frame, at).rgb, 1.0));
}

