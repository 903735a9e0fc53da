import path from "node:path";

export default {
  mode: "production",
  entry: "./main.js",
  output: {
    path: path.resolve(import.meta.dirname, "dist"),
    filename: "main.js",
    module: true,
  },
  experiments: { outputModule: true },
};
