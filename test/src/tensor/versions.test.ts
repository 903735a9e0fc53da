import { add, nn, optim, sum, tidy, zeros } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";

const device = useDevice(test);

test("a tensor's version grows with every way of writing it, and with nothing else", async () => {
  const parameter = nn.Parameter.from(device(), Float32Array.of(1, 2, 3, 4), [4]);
  const grows = (what: string, write: () => void) => {
    const before = parameter.version;
    write();
    assert.ok(parameter.version > before, what);
  };
  const stays = async (what: string, read: () => unknown) => {
    const before = parameter.version;
    await read();
    assert.is(parameter.version, before, what);
  };
  grows("write", () => parameter.write([4, 3, 2, 1]));
  const sgd = new optim.SGD([parameter], { lr: 0.1 });
  await stays("forward and backward", () => tidy(() => sum(add(parameter, parameter)).backward()));
  grows("a step", () => sgd.step());
  grows("a cleared buffer", () => device().clear(parameter.storage.buffer));
  const other = zeros(device(), [4]);
  grows("a copy", () =>
    device().copy(other.storage.buffer.buffer, 0, parameter.storage.buffer.buffer, 0, 16),
  );
  await stays("reading", () => parameter.data());
  await stays("a copy from it", () =>
    device().copy(parameter.storage.buffer.buffer, 0, other.storage.buffer.buffer, 0, 16),
  );
});

test.run();
