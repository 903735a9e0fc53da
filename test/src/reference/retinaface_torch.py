"""RetinaFace on MobileNet-0.25 in PyTorch, with the names of the public checkpoints: an oracle for what is exported.

Run as a program it loads WEIGHTS and prints, as JSON, what the file holds and what the network makes of IMAGE
(float32, 1 x 3 x SIDE x SIDE):

    python3 retinaface_torch.py WEIGHTS IMAGE SIDE
"""

import hashlib
import json
import struct
import sys

import torch
from torch import nn


def block(*convolutions, slope=0.1, last=True):
    """Convolutions, each with batch norm and a leaky ReLU behind it; `last`: behind the last one too."""
    layers = []
    for i, (inputs, outputs, kernel, stride, groups) in enumerate(convolutions):
        padding = kernel // 2
        layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, 1, groups, bias=False))
        layers.append(nn.BatchNorm2d(outputs))
        if last or i + 1 < len(convolutions):
            layers.append(nn.LeakyReLU(slope))
    return nn.Sequential(*layers)


def separable(inputs, outputs, stride):
    return block((inputs, inputs, 3, stride, inputs), (inputs, outputs, 1, 1, 1))


def stage(*rows):
    return nn.Sequential(*(separable(*row) for row in rows))


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        rest = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        self.stage1 = nn.Sequential(block((3, 8, 3, 2, 1)), *(separable(*row) for row in rest))
        self.stage2 = stage((64, 128, 2), *[(128, 128, 1)] * 5)
        self.stage3 = stage((128, 256, 2), (256, 256, 1))


class Pyramid(nn.Module):
    def __init__(self, channels):
        super().__init__()
        for level, inputs in enumerate((64, 128, 256), 1):
            self.add_module(f"output{level}", block((inputs, channels, 1, 1, 1)))
        self.merge1 = block((channels, channels, 3, 1, 1))
        self.merge2 = block((channels, channels, 3, 1, 1))

    def forward(self, maps):
        fine, middle, coarse = self.output1(maps[0]), self.output2(maps[1]), self.output3(maps[2])
        middle = self.merge2(middle + nn.functional.interpolate(coarse, size=middle.shape[2:]))
        fine = self.merge1(fine + nn.functional.interpolate(middle, size=fine.shape[2:]))
        return fine, middle, coarse


class Context(nn.Module):
    def __init__(self, c):
        super().__init__()
        quarter = c // 4
        self.conv3X3 = block((c, c // 2, 3, 1, 1), last=False)
        self.conv5X5_1 = block((c, quarter, 3, 1, 1))
        self.conv5X5_2 = block((quarter, quarter, 3, 1, 1), last=False)
        self.conv7X7_2 = block((quarter, quarter, 3, 1, 1))
        self.conv7x7_3 = block((quarter, quarter, 3, 1, 1), last=False)

    def forward(self, x):
        five = self.conv5X5_1(x)
        parts = [self.conv3X3(x), self.conv5X5_2(five), self.conv7x7_3(self.conv7X7_2(five))]
        return torch.relu(torch.cat(parts, 1))


class Head(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.width = width
        self.conv1x1 = nn.Conv2d(channels, 2 * width, 1)

    def forward(self, x):
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.width)


class RetinaFace(nn.Module):
    def __init__(self, channels=64):
        super().__init__()
        self.body = Body()
        self.fpn = Pyramid(channels)
        self.ssh1, self.ssh2, self.ssh3 = (Context(channels) for _ in range(3))
        for name, width in (("ClassHead", 2), ("BboxHead", 4), ("LandmarkHead", 10)):
            self.add_module(name, nn.ModuleList(Head(channels, width) for _ in range(3)))

    def forward(self, x):
        one = self.body.stage1(x)
        two = self.body.stage2(one)
        maps = self.fpn([one, two, self.body.stage3(two)])
        features = [context(map) for context, map in zip((self.ssh1, self.ssh2, self.ssh3), maps)]
        join = lambda heads: torch.cat([head(f) for head, f in zip(heads, features)], 1)
        return {"loc": join(self.BboxHead), "conf": join(self.ClassHead), "landms": join(self.LandmarkHead)}


DTYPES = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}


def load_safetensors(file):
    with open(file, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data[slice(*t["data_offsets"])], dtype=DTYPES[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }


def main(weights, image, side):
    if weights.endswith(".pth"):
        state = torch.load(weights, map_location="cpu", weights_only=True)
    else:
        state = load_safetensors(weights)
    network = RetinaFace()
    network.load_state_dict(state)
    network.eval()
    side = int(side)
    with open(image, "rb") as f:
        x = torch.frombuffer(bytearray(f.read()), dtype=torch.float32).reshape(1, 3, side, side)
    with torch.no_grad():
        out = network(x)
    held = {
        name: [str(t.dtype), list(t.shape), hashlib.sha256(t.contiguous().numpy().tobytes()).hexdigest()]
        for name, t in state.items()
    }
    print(json.dumps({"held": held, "out": {name: y.flatten().tolist() for name, y in out.items()}}))


main(*sys.argv[1:])
