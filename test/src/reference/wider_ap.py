"""WIDER FACE's protocol recomputed with numpy and scipy, which read the same files.

Usage: wider_ap.py GROUND_TRUTH_FOLDER SUBMISSION_FOLDER
Prints {"easy": {"ap": …, "faces": …, "curve": [[recall, precision], …]}, …}.
"""

import json
import pathlib
import sys

import numpy as np
import scipy.io

LEVELS = 1.0 - np.arange(1, 1001) / 1000


def column(array):
    return np.asarray(array, dtype=np.float64).reshape(-1)


def read_truth(folder):
    """Per image: key, boxes as corners, and a boolean mask a setting."""
    faces = scipy.io.loadmat(folder / "wider_face_val.mat")
    lists = {
        setting: scipy.io.loadmat(folder / f"wider_{setting}_val.mat")["gt_list"]
        for setting in ("easy", "medium", "hard")
    }
    for e, event in enumerate(faces["event_list"][:, 0]):
        for i, name in enumerate(faces["file_list"][e, 0][:, 0]):
            boxes = np.asarray(faces["face_bbx_list"][e, 0][i, 0], dtype=np.float64)
            boxes = boxes.reshape(-1, 4)
            corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
            masks = {}
            for setting, cells in lists.items():
                masks[setting] = np.zeros(len(boxes), dtype=bool)
                masks[setting][column(cells[e, 0][i, 0]).astype(int) - 1] = True
            yield f"{event[0]}/{name[0]}", corners, masks


def read_submission(folder):
    found = {}
    for file in folder.glob("*/*.txt"):
        rows = np.loadtxt(file, skiprows=2, ndmin=2).reshape(-1, 5)
        rows = rows[np.argsort(-rows[:, 4], kind="stable")]
        corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        found[f"{file.parent.name}/{file.stem}"] = (corners, rows[:, 4])
    return found


def overlaps(a, b):
    """IoU of all pairs, where a side counts both its end pixels."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low + 1, 0), axis=2)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1) for boxes in (a, b)]
    return shared / (area[0][:, None] + area[1][None, :] - shared)


def tally(corners, scores, truth, mask):
    """Numbers of proposals and of faces found at each level of one image."""
    iou = overlaps(corners, truth)
    nearest = iou.argmax(axis=1)
    hit = iou.max(axis=1) >= 0.5
    proposal = ~hit | mask[nearest]
    first = np.zeros(len(scores), dtype=bool)
    taken = set()
    for d in np.flatnonzero(hit & mask[nearest]):
        first[d] = nearest[d] not in taken
        taken.add(nearest[d])
    count = np.searchsorted(-scores, -LEVELS, side="right")
    sums = [np.concatenate([[0], np.cumsum(flags)]) for flags in (proposal, first)]
    return sums[0][count], sums[1][count]


def average_precision(recall, precision):
    recall = np.concatenate([[0], recall, [1]])
    precision = np.concatenate([[0], precision, [0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))


def main(truth_folder, submission_folder):
    truth = list(read_truth(truth_folder))
    found = read_submission(submission_folder)
    scores = np.concatenate([s for _, s in found.values()])
    low, span = scores.min(), np.ptp(scores)
    result = {}
    for setting in ("easy", "medium", "hard"):
        proposals, faces_found, faces = np.zeros(1000), np.zeros(1000), 0
        for key, boxes, masks in truth:
            faces += int(masks[setting].sum())
            if key not in found or len(boxes) == 0 or len(found[key][1]) == 0:
                continue
            corners, raw = found[key]
            one = tally(corners, (raw - low) / span, boxes, masks[setting])
            proposals += one[0]
            faces_found += one[1]
        precision = np.divide(faces_found, proposals, out=np.zeros(1000), where=proposals > 0)
        recall = faces_found / faces
        result[setting] = {
            "ap": average_precision(recall, precision),
            "faces": faces,
            "curve": np.stack([recall, precision], axis=1).tolist(),
        }
    json.dump(result, sys.stdout)


main(*map(pathlib.Path, sys.argv[1:]))
