#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peers torch, torch_lean and torch_compile: PyTorch, by the protocol of peer.h.

usage: torch_peer.py eager|lean|compile|head

eager    what a user writes: out= variants forward; the losses with autograd. Balanced Softmax as
         published: the counts expanded to the batch, their logarithm taken in every step.
lean     the same with the logarithm of the counts taken once; only where that differs.
compile  the functions of lean through torch.compile.
head     training steps of a linear head, as a user writes them: nn.Linear, the losses of lean,
         autograd, SGD.
"""
import math
import mmap
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a library prints must not get between the answers


def answer(text):
    answers.write(text.replace("\n", " ") + "\n")
    answers.flush()


try:
    import torch
    import torch.nn.functional as F
except Exception as error:  # a half-installed PyTorch fails in many ways
    sys.stdin.readline()
    answer(f"skip PyTorch cannot be imported by {sys.executable}: {error}")
    sys.exit(0)


def view(data, what, dtype, count):
    size = torch.empty(0, dtype=dtype).element_size()
    whole = memoryview(data)[what:what + count * size]
    return torch.frombuffer(whole, dtype=dtype)


def forward_function(problem, mode):
    """A function without arguments that leaves probabilities in problem["result"]."""
    x, offset, softmax = problem["x"], problem["prior"], problem["softmax"]
    balanced = problem["balanced"]
    if mode == "compile":
        def plain(x, offset):
            u = x + offset if balanced else x
            return torch.softmax(u, 1) if softmax else torch.sigmoid(u)
        compiled = torch.compile(plain, dynamic=False)

        def run():
            problem["result"] = compiled(x, offset)
        return run
    out, u = torch.zeros_like(x), torch.zeros_like(x) if balanced else x

    def run():
        if balanced:
            torch.add(x, offset, out=u)
        if softmax:
            torch.softmax(u, 1, out=out)
        else:
            torch.sigmoid(u, out=out)
        problem["result"] = out
    return run


def loss_function(problem, mode):
    """A function of (x) that returns the loss, ready for backward()."""
    offset, scale = problem["prior"], problem["grad_scale"]
    labels, counts, balanced = problem["labels"], problem["counts"], problem["balanced"]
    if problem["softmax"]:
        def published(x):
            spc = counts.unsqueeze(0).expand(x.shape[0], -1)
            return F.cross_entropy(x + spc.log(), labels, reduction="sum") * scale

        def lean(x):
            u = x + offset if balanced else x
            return F.cross_entropy(u, labels, reduction="sum") * scale
        return published if balanced and mode == "eager" else lean
    targets = F.one_hot(labels, problem["cols"]).to(problem["x"].dtype)

    def sigmoid_loss(x):
        u = x + offset if balanced else x
        return F.binary_cross_entropy_with_logits(u, targets, reduction="sum") * scale
    return sigmoid_loss


def loss_grad_function(problem, mode):
    x = problem["x"].requires_grad_(True)
    loss = loss_function(problem, mode)
    if mode == "compile":
        loss = torch.compile(loss, dynamic=False)

    def run():
        x.grad = None
        value = loss(x)
        value.backward()
        problem["result"], problem["loss"] = x.grad, value
    return run


def parts_of(keys):
    """A function of (key, dtype, *shape): that part of the shared file."""
    with open(keys["file"], "r+b") as file:
        data = mmap.mmap(file.fileno(), int(keys["size"]))

    def take(key, dtype, *shape):
        return view(data, int(keys[key]), dtype, math.prod(shape)).view(*shape)
    return take


def load_head(keys):
    """A training step; "results" are pairs of a function that finds one and where it goes."""
    rows, dim, cols = int(keys["rows"]), int(keys["dim"]), int(keys["cols"])
    torch.set_num_threads(int(keys["threads"]))
    take = parts_of(keys)
    x = take("x", torch.float32, rows, dim).clone()
    x.requires_grad_(keys["grad_input"] == "1")
    head = torch.nn.Linear(dim, cols)
    with torch.no_grad():
        head.weight.copy_(take("weight", torch.float32, cols, dim))
        head.bias.copy_(take("bias", torch.float32, cols))
    optimizer = torch.optim.SGD(
        [{"params": [head.weight], "weight_decay": float(keys["decay"])}, {"params": [head.bias]}],
        lr=float(keys["lr"]), momentum=float(keys["momentum"]))
    problem = {
        "x": x, "cols": cols, "loss_at": take("loss", torch.float64, 1),
        "labels": take("labels", torch.int32, rows).long(), "counts": None,
        "prior": take("offset", torch.float32, cols).clone(),
        "grad_scale": float(keys["grad_scale"]),
        "softmax": keys["activation"].endswith("softmax"),
        "balanced": keys["activation"].startswith("balanced"),
    }

    def velocity(parameter):
        return lambda: optimizer.state[parameter]["momentum_buffer"]
    problem["results"] = [
        (velocity(head.weight), take("dweight", torch.float32, cols, dim)),
        (velocity(head.bias), take("dbias", torch.float32, cols))]
    if x.requires_grad:
        problem["results"].append((lambda: x.grad, take("dx", torch.float32, rows, dim)))
    loss = loss_function(problem, "lean")

    def step():
        optimizer.zero_grad(set_to_none=True)
        x.grad = None
        value = loss(head(x))
        value.backward()
        optimizer.step()
        problem["loss"] = value.detach()
    problem["run"] = step
    return problem


def load(words, mode):
    """The problem of a load request, or the reason why there is none."""
    keys = dict(word.split("=", 1) for word in words)
    if keys["dtype"] != "f32":
        return "this peer is timed in f32 alone"
    if mode == "head":
        return load_head(keys)
    rows, cols = int(keys["rows"]), int(keys["cols"])
    if mode == "lean" and (keys["activation"], keys["op"]) != ("balanced_softmax", "loss_grad"):
        return "the same as torch"
    torch.set_num_threads(int(keys["threads"]))
    if mode == "compile":
        torch._dynamo.reset()  # or old shapes count as recompilations
    take = parts_of(keys)
    problem = {
        "cols": cols, "loss": None,
        "loss_at": take("loss", torch.float64, 1),
        "x": take("logits", torch.float32, rows, cols).clone(),
        "labels": take("labels", torch.int32, rows).long(),
        "counts": take("counts", torch.float32, cols).clone(),
        "prior": take("offset", torch.float32, cols).clone(),
        "grad_scale": float(keys["grad_scale"]),
        "softmax": keys["activation"].endswith("softmax"),
        "balanced": keys["activation"].startswith("balanced"),
    }
    problem["results"] = [(lambda: problem["result"], take("out", torch.float32, rows, cols))]
    make = forward_function if keys["op"] == "forward" else loss_grad_function
    problem["run"] = make(problem, mode)
    problem["run"]()  # compiles, and warms the allocator
    return problem


def run(problem, count):
    begin = time.perf_counter()
    for _ in range(count):
        problem["run"]()
    return time.perf_counter() - begin


def fetch(problem):
    with torch.no_grad():
        for find, where in problem["results"]:
            where.copy_(find())
        loss = problem["loss"]
        problem["loss_at"][0] = float("nan") if loss is None else loss.double()


def serve(mode):
    name = {"eager": "torch", "lean": "torch_lean", "compile": "torch_compile", "head": "torch"}[mode]
    problem = None
    for line in sys.stdin:
        words = line.split()
        try:
            if words[0] == "hello":
                answer(f"hello 1 {name} {torch.__version__}")
            elif words[0] == "load":
                problem = None  # what the last one needed goes first
                problem = load(words[1:], mode)
                answer(f"skip {problem}" if isinstance(problem, str) else "ok")
            elif words[0] == "run":
                answer(f"seconds {run(problem, int(words[1])):.9e}")
            elif words[0] == "fetch":
                fetch(problem)
                answer("ok")
            elif words[0] == "quit":
                break
            else:
                answer("error no such request")
        except Exception as error:
            answer(f"error {type(error).__name__}: {error}"[:400])


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in ("eager", "lean", "compile", "head"):
        serve(sys.argv[1])
    else:
        sys.exit(__doc__)
