import type { TunerStore } from "@retinaface-webgpu/tensor";

/** A store that keeps its text in memory. */
export function memoryStore(text?: string): TunerStore & { text: string | undefined } {
  return {
    text,
    async read() {
      return this.text;
    },
    async write(value: string) {
      this.text = value;
    },
  };
}
