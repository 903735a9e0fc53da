// Run in a process of its own: a driver may crash, and a live adapter keeps Node busy.
const { create } = await import("webgpu");
const adapter = await create([]).requestAdapter();
const info = adapter?.info;
const found = info && {
  vendor: info.vendor,
  architecture: info.architecture,
  description: `${info.device} ${info.description}`.trim(),
};
process.stdout.write(`${JSON.stringify({ adapter: found ?? null })}\n`, () => process.exit(0));
