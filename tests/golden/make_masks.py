# SPDX-License-Identifier: MIT
#
# Makes masks.txt with the official mask code: python3 make_masks.py > masks.txt
# (Debian or pip package pycocotools; the file in the tree was made with pycocotools 2.0.11, numpy
# 2.4.6, python 3.11.7). Lines:
#   mask HEIGHT WIDTH POLYGONS {POINTS x y ...} TEXT AREA x y w h
#   runs HEIGHT WIDTH RUNS count ... TEXT AREA x y w h
#   pair I J IOU CROWD_IOU UNION_TEXT INTERSECTION_TEXT       (of the I-th and J-th mask or runs)
import random

import pycocotools.mask as coco

draw = random.Random(2008_11037)
made = []


def tell(kind, rle, height, width, words):
    if coco.area(rle):
        box = [int(v) for v in coco.toBbox(rle)]
    else:
        box = [0, 0, 0, 0]  # official code: the width and height wrap around for runs 0 0 n
    print(kind, height, width, *words, rle["counts"].decode(), int(coco.area(rle)), *box)
    made.append((rle, height, width))


def polygon(height, width, kind):
    side = max(height, width)
    points = draw.randint(3, 9)
    make = {
        "inside": lambda: round(draw.uniform(0, side), 2),
        "outside": lambda: round(draw.uniform(-side, 2 * side), 2),
        "whole": lambda: draw.randint(-2, side + 2),
        "fine": lambda: draw.uniform(0, side),
        "half": lambda: draw.randint(-4, 2 * side + 4) / 2,
    }[kind]
    flat = [make() for _ in range(2 * points)]
    if draw.random() < 0.3:
        flat[2:4] = flat[0:2]  # an edge of no length
    if draw.random() < 0.3:
        flat[2] = flat[0]  # an upright edge
    return flat


def polygons(height, width, parts):
    words = [len(parts)]
    for part in parts:
        words += [len(part) // 2] + [repr(v) for v in part]
    tell("mask", coco.merge(coco.frPyObjects(parts, height, width)), height, width, words)


def runs(height, width, counts):
    rle = coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    tell("runs", rle, height, width, [len(counts)] + counts)


sizes = [(20, 20), (31, 17), (1, 40), (40, 1), (120, 90)]
for height, width in sizes:
    for kind in ("inside", "outside", "whole", "fine", "half"):
        for parts in (1, 1, 3):
            polygons(height, width, [polygon(height, width, kind) for _ in range(parts)])
polygons(20, 20, [[0, 0, 0, 20, 20, 20, 20, 0]])  # all of it
polygons(20, 20, [[30, 30, 30, 40, 40, 40]])  # nothing of it
runs(20, 20, [400])
runs(20, 20, [0, 400])
runs(20, 20, [5, 3, 0, 2, 390])  # empty runs within
runs(20, 20, [5, 3, 10, 0, 10, 2, 370])
runs(20, 20, [0, 0, 15, 5, 380])
for _ in range(10):
    cuts = sorted(draw.sample(range(1, 400), 8))
    runs(20, 20, [b - a for a, b in zip([0] + cuts, cuts + [400])])
for size in sizes:
    same = [i for i, m in enumerate(made) if m[1:] == size]
    for _ in range(30):
        i, j = draw.choice(same), draw.choice(same)
        a, b = made[i][0], made[j][0]
        print("pair", i, j, repr(float(coco.iou([a], [b], [0])[0, 0])),
              repr(float(coco.iou([a], [b], [1])[0, 0])),
              coco.merge([a, b])["counts"].decode(),
              coco.merge([a, b], intersect=True)["counts"].decode())
