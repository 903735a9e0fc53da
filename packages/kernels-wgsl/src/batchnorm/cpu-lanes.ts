/** Invocations that a CPU adapter runs as one. */
export const LANES = 8;

/** How kernels of many rows are cut on CPU adapters: a thread takes a whole workgroup, which is one vector. */
export function threadsOf({ software = false }: { readonly software?: boolean }): {
  threads?: number;
} {
  return software ? { threads: LANES } : {};
}
