import { add, broadcastTo, layerNorm, mul, normalize, tril, triu } from "@retinaface-webgpu/tensor";
import { isHost, type NodeContext, Unsupported, type Value } from "./context.js";
import { axisOf, type Mappings } from "./mapping.js";

/** Each broadcasts to the other. */
function expand(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const wanted = c.numbers(1);
  const rank = Math.max(x.rank, wanted.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const [own, other] = [x.shape[i - rank + x.rank] ?? 1, wanted[i - rank + wanted.length] ?? 1];
    return own === 1 ? other : own;
  });
  return [broadcastTo(x, shape)];
}

function layerNormalization(c: NodeContext): Value[] {
  if (c.node.outputs.length > 1) {
    throw new Unsupported("operator LayerNormalization with its statistics");
  }
  const x = c.tensor(0);
  const axes = x.rank - axisOf(c, x.rank, -1);
  const scaled = mul(layerNorm(x, {}, c.attribute("epsilon", 1e-5), axes), c.tensor(1));
  return [c.has(2) ? add(scaled, c.tensor(2)) : scaled];
}

function triangle(c: NodeContext): Value[] {
  const diagonal = c.has(1) ? c.numbers(1)[0] : 0;
  return [(c.attribute("upper", 1) === 1 ? triu : tril)(c.tensor(0), diagonal)];
}

function sizeOf(c: NodeContext): Value[] {
  const value = c.value(0);
  const size = isHost(value) ? value.data.length : value.size;
  return [{ shape: [], type: "int64", data: Float64Array.of(size) }];
}

export const arrangements: Mappings = {
  Expand: expand,
  LayerNormalization: layerNormalization,
  LpNormalization: (c) => {
    const p = c.attribute("p", 2) === 1 ? 1 : 2;
    return [normalize(c.tensor(0), { p, axis: c.attribute("axis", -1) })];
  },
  Size: sizeOf,
  Trilu: triangle,
};
