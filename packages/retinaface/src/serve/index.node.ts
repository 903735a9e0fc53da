/** What a service is made by: `retinaface-webgpu/serve`. */
export { DEFAULT_LIMITS, type ServiceLimits } from "./limits.js";
export {
  createService,
  type Service,
  type ServiceAddress,
  type ServiceOptions,
} from "./service.node.js";
