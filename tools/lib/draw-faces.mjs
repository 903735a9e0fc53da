// Made-up faces, drawn from ellipses with soft edges. No photograph is involved.

const clamp = (value) => Math.min(1, Math.max(0, value));
const smooth = (low, high, value) => {
  const t = clamp((value - low) / (high - low));
  return t * t * (3 - 2 * t);
};
export const mix = (a, b, t) => a.map((value, n) => value + (b[n] - value) * t);
const scale = (colour, factor) => colour.map((value) => value * factor);

/** How much of a point an ellipse covers: 1 inside, 0 outside, soft over `edge`. */
function ellipse(u, v, cu, cv, ru, rv, edge) {
  const distance = Math.hypot((u - cu) / ru, (v - cv) / rv);
  return 1 - smooth(1 - edge, 1 + edge, distance);
}

/** Hair behind the head, neck and shoulders. */
function behind(colour, u, v, person) {
  let c = colour;
  const shoulders = ellipse(u, v, 0, 3.1, 2.3, 1.5, 0.03);
  c = mix(c, scale(person.shirt, 0.85 + 0.15 * Math.cos(u * 1.2)), shoulders);
  c = mix(c, scale(person.skin, 0.62), ellipse(u, v, 0, 1.25, 0.5, 0.75, 0.08));
  return mix(c, scale(person.hair, 0.8), ellipse(u, v, 0, -0.25, 1.14, person.hairLength, 0.06));
}

function skin(u, v, person) {
  const round = 1 - 0.3 * Math.hypot(u * 0.9, v * 0.55) ** 2;
  const light = round + 0.1 * (person.light * u) - 0.05 * v;
  let c = scale(person.skin, light);
  for (const side of [-1, 1]) {
    c = mix(c, scale(person.skin, 0.74), 0.6 * ellipse(u, v, side * 0.4, -0.2, 0.3, 0.2, 0.8));
    c = mix(c, [205, 110, 95], 0.16 * ellipse(u, v, side * 0.5, 0.35, 0.3, 0.25, 0.9));
  }
  return c;
}

function nose(colour, u, v, person) {
  const ridge = ellipse(u, v, 0.02 * person.light, 0.08, 0.09, 0.38, 0.9);
  let c = mix(colour, scale(person.skin, 1.13), 0.5 * ridge);
  c = mix(
    c,
    scale(person.skin, 0.7),
    0.55 * ellipse(u, v, -person.light * 0.16, 0.2, 0.07, 0.3, 0.9),
  );
  c = mix(c, scale(person.skin, 0.6), 0.6 * ellipse(u, v, 0, 0.45, 0.2, 0.07, 0.7));
  for (const side of [-1, 1]) {
    c = mix(c, scale(person.skin, 0.3), 0.9 * ellipse(u, v, side * 0.09, 0.42, 0.05, 0.03, 0.5));
  }
  return c;
}

function eye(colour, u, v, side, person) {
  const cu = side * 0.4;
  let c = mix(colour, scale(person.skin, 0.4), 0.8 * ellipse(u, v, cu, -0.16, 0.225, 0.125, 0.3));
  const white = ellipse(u, v, cu, -0.14, 0.19, 0.09, 0.15);
  c = mix(c, [238, 234, 228], white);
  c = mix(c, person.eyes, white * ellipse(u, v, cu + 0.02, -0.145, 0.095, 0.105, 0.2));
  c = mix(c, [12, 10, 10], white * ellipse(u, v, cu + 0.02, -0.145, 0.05, 0.055, 0.2));
  c = mix(c, [255, 255, 255], ellipse(u, v, cu + 0.05, -0.175, 0.022, 0.022, 0.3));
  c = mix(c, scale(person.skin, 0.25), 0.9 * ellipse(u, v, cu, -0.235, 0.22, 0.03, 0.5));
  const arch = -0.4 + 0.35 * (u - cu) ** 2 + side * 0.06 * (u - cu);
  return mix(c, scale(person.hair, 0.6), 0.85 * ellipse(u, v - arch, cu, 0, 0.26, 0.05, 0.5));
}

function mouth(colour, u, v, person) {
  const bend = v - person.smile * (0.12 - u * u * 0.9);
  let c = mix(colour, scale(person.skin, 0.68), 0.5 * ellipse(u, bend, 0, 0.88, 0.26, 0.08, 0.8));
  c = mix(c, person.lips, ellipse(u, bend, 0, 0.7, 0.33, 0.105, 0.3));
  c = mix(c, scale(person.lips, 1.25), 0.6 * ellipse(u, bend, 0.02, 0.755, 0.17, 0.035, 0.8));
  c = mix(c, [235, 230, 222], person.teeth * ellipse(u, bend, 0, 0.695, 0.23, 0.04, 0.2));
  return mix(c, scale(person.lips, 0.3), 0.85 * ellipse(u, bend, 0, 0.685, 0.31, 0.016, 0.6));
}

function fringe(colour, u, v, person) {
  const line = -0.72 + 0.25 * person.parting * u + 0.18 * u * u + 0.015 * Math.sin(u * 31);
  const strands = 0.85 + 0.2 * Math.sin(u * 37 + 6 * v) * Math.sin(v * 5 + u);
  const cover = 1 - smooth(line - 0.06, line + 0.04, v);
  return mix(colour, scale(person.hair, strands), cover * ellipse(u, v, 0, -0.25, 1.1, 1.25, 0.05));
}

function drawPerson(colour, x, y, who) {
  const [sin, cos] = [Math.sin(who.tilt), Math.cos(who.tilt)];
  const u = ((x - who.x) * cos + (y - who.y) * sin) / who.size;
  const v = ((y - who.y) * cos - (x - who.x) * sin) / who.size;
  if (Math.abs(u) > 3 || Math.abs(v) > 5) return colour;
  let face = behind(colour, u, v, who);
  for (const side of [-1, 1]) {
    face = mix(face, scale(who.skin, 0.75), ellipse(u, v, side * 0.92, 0, 0.13, 0.25, 0.2));
  }
  const jaw = 0.93 - 0.16 * smooth(0.2, 1.2, v);
  let inside = nose(skin(u, v, who), u, v, who);
  for (const side of [-1, 1]) inside = eye(inside, u, v, side, who);
  inside = mouth(inside, u, v, who);
  face = mix(face, inside, ellipse(u, v, 0, 0.02, jaw, 1.2, 0.035));
  return fringe(face, u, v, who);
}

/**
 * A picture of people before a wall, as RGBA.
 * @param background (x, y) → [r, g, b]
 */
export function drawPeople(people, background, width, height) {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let colour = background(x, y);
      for (const who of people) colour = drawPerson(colour, x, y, who);
      data.set(colour, (y * width + x) * 4);
    }
  }
  return { data, width, height };
}
