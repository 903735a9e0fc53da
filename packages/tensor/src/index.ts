import { CPU_WINOGRAD, storedAsHalf } from "@retinaface-webgpu/kernels-wgsl";
import { runBackward } from "./autograd/backward.js";
import { installBackward } from "./core/tensor.js";
import { installBatchNormTraining } from "./ops/batchnorm/forward.js";
import { normalizeByBatch } from "./ops/batchnorm/training.js";
import { installConvolutions } from "./ops/conv2d/forward.js";
import { installHalfStorage } from "./ops/half.js";
import { onTape } from "./ops/on-tape.js";
import { installTape } from "./ops/op.js";

installBackward(runBackward);
installTape(onTape);
installBatchNormTraining(normalizeByBatch);
installHalfStorage(storedAsHalf);
installConvolutions([CPU_WINOGRAD]);

export { checkpoint } from "./autograd/checkpoint.js";
export * from "./compile/step/index.js";
export * from "./inference.js";
export { conv2dTraits } from "./ops/conv2d/forward.js";
