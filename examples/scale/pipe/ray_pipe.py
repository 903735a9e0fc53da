"""Faces of the photos of a list, by Ray: python ray_pipe.py LIST OUT

A block of names is one process of pipe/detect.sh, on any node that has the photos under the same names; each takes a core.
"""
import subprocess
import sys
from pathlib import Path

import pandas
import ray

PHOTOS_A_BLOCK = 2000
COMMAND = str(Path(__file__).with_name("detect.sh").resolve())


def detect(names: pandas.DataFrame) -> pandas.DataFrame:
    sent = "\n".join(names["text"]) + "\n"
    done = subprocess.run([COMMAND], input=sent, capture_output=True, text=True, check=True)
    return pandas.DataFrame({"line": done.stdout.splitlines()})


photo_list, out = sys.argv[1:]
ray.init()
photos = ray.data.read_text(photo_list)
found = photos.map_batches(detect, batch_size=PHOTOS_A_BLOCK, batch_format="pandas", num_cpus=1)
found.write_json(out)
