/** WGSL of four channels from element `at` on, `last` being the last that exists; beyond it the last is repeated. */
export function load4(buffer: string, aligned: boolean, at: string, last: string): string {
  if (aligned) return `${buffer}[${at} / 4u]`;
  const items = Array.from({ length: 4 }, (_, i) => `${buffer}[min(${at} + ${i}u, ${last})]`);
  return `vec4f(${items.join(", ")})`;
}
