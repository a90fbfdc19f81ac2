#!/usr/bin/env python3
"""What PyTorch takes for two tasks of make bench, written as its users write them: the dream of the 3-parameter
network from one spin, and an epoch of training the 609-parameter network. Prints one line of JSON a task, seconds of
CPU and of wall time, the median of several rounds. Needs PyTorch (Debian: python3-torch); nothing else does.

    tests/bench/peers/pytorch.py [--threads N] [--levels N] [--configurations N] [--rounds N] [dream|train]
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as functional

CORNER, EDGE, CENTRE = 0.5491937, 0.6278734, 1.393981  # arXiv:2506.04016, L = 128, 10^6 configurations


def doubled(spins):
    """Every coarse spin repeated 2×2."""
    return spins.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)


def dream(levels, count=1):
    """One spin up, `levels` times refined: p(up) = σ(½ Σ w s)."""
    kernel = torch.tensor([[CORNER, EDGE, CORNER], [EDGE, CENTRE, EDGE], [CORNER, EDGE, CORNER]]).view(1, 1, 3, 3)
    spins = torch.ones(count, 1, 1, 1)
    with torch.no_grad():
        for _ in range(levels):
            padded = functional.pad(doubled(spins), (1, 1, 1, 1), mode="circular")
            up = torch.bernoulli(torch.sigmoid(0.5 * functional.conv2d(padded, kernel)))
            spins = 2 * up - 1
    return spins


class Network(torch.nn.Module):
    """1 → 32 → 1 channels, 3×3 kernels: 609 parameters."""

    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Conv2d(1, 32, 3, padding=1, padding_mode="circular")
        self.last = torch.nn.Conv2d(32, 1, 3, padding=1, padding_mode="circular")

    def forward(self, coarse):
        return self.last(torch.relu(self.hidden(doubled(coarse))))


def make_training(configurations, length=32, batch=1000):
    """An epoch over some configurations, of which the last tenth is held out for validation."""
    torch.manual_seed(1)
    coarse = (torch.rand(configurations, 1, length // 2, length // 2) < 0.5).float()
    fine = torch.where(torch.rand(configurations, 1, length, length) < 0.1, 1 - doubled(coarse), doubled(coarse))
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    training = configurations - configurations // 10

    def epoch():
        order = torch.randperm(training)
        for start in range(0, training, batch):
            chosen = order[start : start + batch]
            loss = functional.binary_cross_entropy_with_logits(network(coarse[chosen]), fine[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            functional.binary_cross_entropy_with_logits(network(coarse[training:]), fine[training:]).item()

    return epoch


def measure(task, work, unit, rounds, threads):
    cpu, wall = [], []
    task()
    for _ in range(rounds):
        start_cpu, start_wall = time.process_time(), time.perf_counter()
        task()
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start_wall)
    print(
        json.dumps(
            {
                "task": task.__name__,
                "contestant": f"PyTorch {torch.__version__}",
                "threads": threads,
                "unit": unit,
                "work": work,
                "cpu_seconds": statistics.median(cpu),
                "wall_seconds": statistics.median(wall),
            }
        ),
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--levels", type=int, default=12)
    parser.add_argument("--configurations", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("task", nargs="?", choices=["dream", "train"])
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.task != "train":

        def dream_task():
            dream(chosen.levels)

        spins = sum(4**level for level in range(1, chosen.levels + 1))
        dream_task.__name__ = f"dream, 3 parameters, 1→{2**chosen.levels}²"
        measure(dream_task, spins / 1e9, "Gspin", chosen.rounds, chosen.threads)
    if chosen.task != "dream":
        epoch = make_training(chosen.configurations)
        epoch.__name__ = "epoch, 609 parameters, 32²"
        measure(epoch, chosen.configurations, "configuration", chosen.rounds, chosen.threads)


if __name__ == "__main__":
    main()
