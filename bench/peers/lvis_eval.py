#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times balact lvis-eval beside the official evaluator and faster-coco-eval on one case.

usage: lvis_eval.py --balact build/balact --gt ANNOTATIONS --dt RESULTS [--iou-type bbox|segm]
                    [--peers official,faster] [--rounds N] [--csv FILE]

Needs the packages lvis and faster-coco-eval (pip); one that is missing is a SKIP. Everything runs
in processes of its own, in turns, reading both files each time; peers that take minutes run once.
The 13 numbers must agree to 1e-12, else the exit status is 1 and the peer gets no time.
"""
import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

COLUMNS = ["implementation", "iou_type", "images", "detections", "seconds_p50", "seconds_min",
           "rounds", "peak_bytes", "ratio_seconds", "ratio_peak", "largest_difference"]


def official(gt, dt, iou_type):
    import numpy
    if not hasattr(numpy, "float"):
        numpy.float = float  # the package asks for what numpy has dropped
    from lvis import LVIS, LVISEval, LVISResults
    truth = LVIS(gt)
    evaluation = LVISEval(truth, LVISResults(truth, dt), iou_type)
    evaluation.run()
    return dict(evaluation.results)


def of_known_size(truth, dt):
    """Without the detections of images in which none counts: among masks the package looks up the
    size of their image, which it has not noted, and ends ("unordered_map::at")."""
    with open(dt, encoding="utf-8") as file:
        found = json.load(file)
    noted = {a["image_id"] for a in truth.dataset["annotations"]}
    checked = {i["id"]: set(i["neg_category_ids"]) for i in truth.dataset["images"]}
    noted |= {d["image_id"] for d in found if d["category_id"] in checked[d["image_id"]]}
    return [d for d in found if d["image_id"] in noted]


def faster(gt, dt, iou_type):
    from faster_coco_eval import COCO, COCOeval_faster
    truth = COCO(gt)
    found = truth.loadRes(dt if iou_type == "bbox" else of_known_size(truth, dt))
    evaluation = COCOeval_faster(truth, found, iou_type, lvis_style=True, print_function=lambda *a: None)
    evaluation.params.maxDets = [300]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    s = evaluation.stats
    names = ["AP", "AP50", "AP75", "APs", "APm", "APl", "APr", "APc", "APf", "AR@300", "ARs@300",
             "ARm@300", "ARl@300"]
    as_dict = getattr(evaluation, "stats_as_dict", {})
    order = ["AP_all", "AP_50", "AP_75", "AP_small", "AP_medium", "AP_large", "APr", "APc", "APf",
             "AR_all", "AR_small", "AR_medium", "AR_large"]
    if all(key in as_dict for key in order):
        return {name: float(as_dict[key]) for name, key in zip(names, order)}
    return {name: float(value) for name, value in zip(names, s)}


def as_child(which, gt, dt, iou_type, out):
    begin = time.monotonic()
    numbers = {"official": official, "faster": faster}[which](gt, dt, iou_type)
    seconds = time.monotonic() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"seconds": seconds, "peak": peak,
                   "numbers": {k: float(v) for k, v in numbers.items()}}, file)


def run_balact(program, gt, dt, iou_type, out):
    begin = time.monotonic()
    subprocess.run([program, "lvis-eval", "--gt", gt, "--dt", dt, "--iou-type", iou_type, "--json",
                    out], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    with open(out, encoding="utf-8") as file:
        record = json.load(file)
    return {"seconds": seconds, "peak": record["memory"]["peak_bytes"],
            "numbers": record["metrics"], "detections": record["detections"]["given"]}


def run_peer(which, gt, dt, iou_type, out):
    done = subprocess.run([sys.executable, __file__, "--child", which, "--gt", gt, "--dt", dt,
                           "--iou-type", iou_type, "--out", out], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else "exit status %d" % done.returncode
    with open(out, encoding="utf-8") as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--balact", default="build/balact")
    parser.add_argument("--gt", required=True)
    parser.add_argument("--dt", required=True)
    parser.add_argument("--iou-type", default="bbox", choices=["bbox", "segm"])
    parser.add_argument("--peers", default="official,faster")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", default="")
    parser.add_argument("--csv")
    parser.add_argument("--child")
    parser.add_argument("--out")
    a = parser.parse_args()
    if a.child:
        as_child(a.child, a.gt, a.dt, a.iou_type, a.out)
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "numbers.json")
        peers = {}
        ours = [run_balact(a.balact, a.gt, a.dt, a.iou_type, out)]
        for which in filter(None, a.peers.split(",")):
            peers[which] = run_peer(which, a.gt, a.dt, a.iou_type, out)
            ours.append(run_balact(a.balact, a.gt, a.dt, a.iou_type, out))
        while len(ours) < a.rounds:
            ours.append(run_balact(a.balact, a.gt, a.dt, a.iou_type, out))
    mine = statistics.median(o["seconds"] for o in ours)
    rows = [["balact", a.iou_type, a.images, ours[0]["detections"], mine,
             min(o["seconds"] for o in ours), len(ours), max(o["peak"] for o in ours), 1, 1, 0]]
    for which, peer in peers.items():
        if isinstance(peer, str):
            print("SKIP %s: %s" % (which, peer))
            continue
        worst = max(abs(ours[0]["numbers"][k] - peer["numbers"][k]) for k in ours[0]["numbers"])
        if not worst <= 1e-12:
            print("WRONG: %s differs by %g" % (which, worst))
            failed = True
            continue
        rows.append([which, a.iou_type, a.images, ours[0]["detections"], peer["seconds"],
                     peer["seconds"], 1, peer["peak"], peer["seconds"] / mine,
                     peer["peak"] / rows[0][7], worst])
    for row in rows:
        print("%-9s %s %8.2f s  peak %6.2f GiB  %7.1fx time %5.1fx memory  largest difference %.1e"
              % (row[0], row[1], row[4], row[7] / 2**30, row[8], row[9], row[10]))
    if a.csv:
        fresh = not os.path.exists(a.csv)
        with open(a.csv, "a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if fresh:
                writer.writerow(COLUMNS)
            writer.writerows(rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
