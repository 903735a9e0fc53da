import type { Counter, Histogram, Registry } from "prom-client";
import type { Peers } from "./peers.node.js";

/** Seconds, from a small picture on a graphics card to a large one that had to wait. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What a service counts, in Prometheus's form. */
export class ServiceMetrics {
  readonly requests: Counter<"status">;
  readonly photos: Counter<"outcome">;
  readonly faces: Counter;
  readonly seconds: Histogram<"part">;
  readonly #registry: Registry;

  /** @param admitted requests that are under way now; @param most as many as there may be */
  constructor({ metrics }: Pick<Peers, "metrics">, admitted: () => number, most: number) {
    const registers = [new metrics.Registry()];
    [this.#registry] = registers;
    metrics.collectDefaultMetrics({ register: this.#registry });
    this.requests = new metrics.Counter({
      name: "retinaface_requests_total",
      help: "Requests to /detect by the status they were answered with; 499: the client left.",
      labelNames: ["status"],
      registers,
    });
    this.photos = new metrics.Counter({
      name: "retinaface_photos_total",
      help: "Photos by what became of them: ok, or the code of the error.",
      labelNames: ["outcome"],
      registers,
    });
    this.faces = new metrics.Counter({
      name: "retinaface_faces_total",
      help: "Faces that were found.",
      registers,
    });
    this.seconds = new metrics.Histogram({
      name: "retinaface_seconds",
      help: "Seconds of a photo's decoding and detection, and of a whole request.",
      labelNames: ["part"],
      buckets: SECONDS,
      registers,
    });
    new metrics.Gauge({
      name: "retinaface_requests_under_way",
      help: "Requests that are received, wait or are worked on.",
      registers,
      collect() {
        this.set(admitted());
      },
    });
    new metrics.Gauge({
      name: "retinaface_requests_limit",
      help: "Requests from which on others are answered 429.",
      registers,
    }).set(most);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
