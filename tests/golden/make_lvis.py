# SPDX-License-Identifier: MIT
#
# Makes lvis_gt.json, lvis_dt.json and lvis_expected.txt with the official evaluator:
#   python3 make_lvis.py FOLDER
# (packages lvis 0.5.3 and pycocotools 2.0.11, numpy 2.4.6, python 3.11.7 when the files in the tree
# were made). The case is small but has what trips evaluators: ties in score and in IoU, an image
# with more than 300 detections, images without ground truth, a category without any, ids with gaps,
# categories that are not exhaustively annotated, annotations to be ignored, without area, and of
# every size, detections without area, masks of several polygons and of runs.
# lvis_expected.txt: MODE NAME VALUE, repr() of the double. Modes: bbox; segm (bbox taken out);
# segm_keepbbox; bbox_50 and segm_50 (cap of 50); fixed (AP-fixed: best 10 of each category here, no
# cap by image, boxes).
import copy
import json
import random
import sys
from collections import defaultdict

import numpy
import pycocotools.mask as coco

if not hasattr(numpy, "float"):
    numpy.float = float  # the package asks for what numpy has dropped
from lvis import LVIS, LVISEval, LVISResults  # noqa: E402

draw = random.Random(1203)
folder = sys.argv[1]
WIDTHS, HEIGHTS = (640, 200, 333), (480, 300, 222)

categories = [{"id": i, "name": "c%d" % i, "frequency": f, "image_count": 1, "instance_count": 1}
              for i, f in ((2, "r"), (3, "c"), (7, "f"), (40, "r"), (41, "c"), (1203, "f"))]
ids = [c["id"] for c in categories]
images, annotations, detections = [], [], []


def polygon(x, y, w, h):
    return [float(v) for v in (x, y, x + w / 3, y + h, x + w, y + h, x + w, y + h / 4)]


def box_within(width, height):
    side = draw.choice((12, 25, 60, 150))
    w, h = draw.randint(4, side), draw.randint(4, side)
    return [draw.randint(0, width - w), draw.randint(0, height - h), w, h]


def detect(image, category, box, score):
    x, y, w, h = (round(v, 1) for v in box)
    w, h = max(w, 0), max(h, 0)
    rle = coco.merge(coco.frPyObjects([polygon(x, y, w, h)], image["height"], image["width"]))
    rle["counts"] = rle["counts"].decode()
    detections.append({"image_id": image["id"], "category_id": category, "bbox": [x, y, w, h],
                       "segmentation": rle, "score": score})


for number in range(12):
    image = {"id": 5 * number + 3, "width": WIDTHS[number % 3], "height": HEIGHTS[number % 3],
             "coco_url": "http://images/%012d.jpg" % number,
             "neg_category_ids": draw.sample(ids[:5], 2),
             "not_exhaustive_category_ids": draw.sample(ids[:5], 1)}
    images.append(image)
    present = [] if number in (4, 9) else draw.sample(ids[:5], 3)  # 1203 has no annotation
    for category in present:
        for _ in range(draw.randint(1, 5)):
            x, y, w, h = box_within(image["width"], image["height"])
            parts = [polygon(x, y, w, h)]
            if draw.random() < 0.3:
                parts.append(polygon(x + w / 2, y, w / 2, h / 2))
            segmentation = parts
            rle = coco.merge(coco.frPyObjects(parts, image["height"], image["width"]))
            if draw.random() < 0.2:
                mask = coco.decode(rle).flatten(order="F")
                edges = numpy.flatnonzero(numpy.diff(numpy.concatenate([[0], mask]))).tolist()
                edges.append(len(mask))
                segmentation = {"size": [image["height"], image["width"]],
                                "counts": [int(b - a) for a, b in zip([0] + edges, edges)]}
            area = float(coco.area(rle))
            annotation = {"id": len(annotations) + 1, "image_id": image["id"],
                          "category_id": category, "bbox": [x, y, w, h], "area": area,
                          "segmentation": segmentation}
            if draw.random() < 0.1:
                annotation["ignore"] = 1
            if draw.random() < 0.05:
                annotation["area"] = 0.0
            annotations.append(annotation)
            # some find it, some nearly, some twice at the same score and place
            for _ in range(draw.randint(0, 3)):
                near = [v + draw.choice((0, 0, 1, -1, 2)) * v2 / 20
                        for v, v2 in zip((x, y, w, h), (w, h, w, h))]
                detect(image, category, near, draw.choice((0.9, 0.75, 0.5, draw.random())))
                if draw.random() < 0.3:
                    detections.append(copy.deepcopy(detections[-1]))
            if draw.random() < 0.3:  # a second annotation at the same place: ties in IoU
                twin = copy.deepcopy(annotation)
                twin["id"] = len(annotations) + 1
                annotations.append(twin)
    for _ in range(340 if number == 6 else draw.randint(0, 12)):
        box = box_within(image["width"], image["height"])
        if draw.random() < 0.05:
            box[2] = 0
        detect(image, draw.choice(ids), box, round(draw.random(), 2))
draw.shuffle(detections)

truth = {"images": images, "categories": categories, "annotations": annotations}
draw.shuffle(truth["images"])
draw.shuffle(truth["categories"])
json.dump(truth, open(folder + "/lvis_gt.json", "w"), separators=(",", ":"))
json.dump(detections, open(folder + "/lvis_dt.json", "w"), separators=(",", ":"))


def best_of_categories(results, most):
    by = defaultdict(list)
    for result in results:
        by[result["category_id"]].append(result)
    return [r for c in by.values() for r in sorted(c, key=lambda d: d["score"], reverse=True)[:most]]


def evaluate(results, iou_type, cap=300):
    gt = LVIS(folder + "/lvis_gt.json")
    evaluation = LVISEval(gt, LVISResults(gt, copy.deepcopy(results), max_dets=cap), iou_type)
    evaluation.params.max_dets = cap
    evaluation.run()
    return evaluation.get_results()


bare = [{k: v for k, v in d.items() if k != "bbox"} for d in detections]
modes = {"bbox": (detections, "bbox"), "segm": (bare, "segm"),
         "segm_keepbbox": (detections, "segm"), "bbox_50": (detections, "bbox", 50),
         "segm_50": (bare, "segm", 50),
         "fixed": (best_of_categories(detections, 10), "bbox", -1)}
with open(folder + "/lvis_expected.txt", "w") as file:
    for mode, arguments in modes.items():
        for name, value in evaluate(*arguments).items():
            print(mode, name.replace("@50", "@300").replace("@-1", "@300"), repr(float(value)),
                  file=file)
