import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: { target: "es2023" },
  // Pre-bundling would move the package's code away from its weights.
  optimizeDeps: { exclude: ["retinaface-webgpu"] },
});
