#!/usr/bin/env python3
"""import-published-weights.py: the weights published with arXiv:2506.04016 as finegrain model files.

Reads published_weights.json, {"about": …, "models": {"plain/ising_upsampler3par_k3_ks3_learning_r0.01_L32_batch1000_
setsize10000": [[a, b, c]], …}}, and writes one model file a model into FOLDER (schemas/model.md), named by loss,
number of parameters, lattice size and number of training configurations: plain-3-L32-1e4.json, weighted-609-L32-1e6.json.
Weights of the symmetric kernels are in network.symmetric's order already; those of the convolutional networks
(hidden weights, hidden biases, output weights, output bias) are joined in this order, which is network.conv's.
"""
import argparse
import json
import math
import os
import re
import sys

NAME = re.compile(
    r"(?P<loss>plain|weighted)/ising_upsampler(?:(?P<parameters>\d+)par_k\d+|conv_(?P<channels>\d+))"
    r"_ks(?P<kernel>\d+)_learning_r[\d.]+_L(?P<length>\d+)_batch\d+_setsize(?P<configurations>\d+)"
)
SYMMETRIC = {3: 3, 5: 6, 7: 10}  # parameters of a kernel


class Refused(Exception):
    """The input is not what it should be; the message says what and where."""


def flat_numbers(name, arrays, shape):
    """All arrays in one list, after a look at their lengths and at every number."""
    if not isinstance(arrays, list) or not all(isinstance(array, list) for array in arrays):
        raise Refused(f"{name}: expected a list of lists of numbers")
    lengths = [len(array) for array in arrays]
    if lengths != shape:
        raise Refused(f"{name}: has arrays of {lengths} numbers, its name says {shape}")
    numbers = [number for array in arrays for number in array]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise Refused(f"{name}: {number!r} is no finite number")
    return [float(number) for number in numbers]


def power(count):
    """10000 -> 1e4; anything else stays as it is."""
    zeros = len(str(count)) - 1
    return f"1e{zeros}" if count == 10**zeros else str(count)


def convert(name, arrays):
    """(file name, model) of one entry."""
    match = NAME.fullmatch(name)
    if not match:
        raise Refused(f"{name}: unknown name; expected such as plain/ising_upsampler3par_k3_ks3_…_setsize10000")
    kernel = int(match["kernel"])
    if match["channels"]:
        channels = int(match["channels"])
        window = kernel * kernel
        network = "network.conv"
        hyperparameters = {
            "channels": [channels],
            "kernel": kernel,
            "activation": "relu",
            "bias": True,
            "input": "binary",
            "symmetrize": "none",
            "init": "he",
        }
        shape = [channels * window, channels, channels * window, 1]
    else:
        network = "network.symmetric"
        hyperparameters = {"kernel": kernel}
        shape = [int(match["parameters"])]
        if SYMMETRIC.get(kernel) != shape[0]:
            raise Refused(f"{name}: a symmetric kernel of side {kernel} does not have {shape[0]} parameters")
    weights = flat_numbers(name, arrays, shape)
    configurations = power(int(match["configurations"]))
    file = f"{match['loss']}-{len(weights)}-L{match['length']}-{configurations}.json"
    loss = "loss weighted by 2^-(number of tied blocks)" if match["loss"] == "weighted" else "plain loss"
    model = {
        "finegrain_model": 1,
        "network": network,
        "hyperparameters": hyperparameters,
        "comment": f"trained at L={match['length']} on {configurations} configurations, {loss}",
        "source": f"arXiv:2506.04016, {name}",
        "parameters": len(weights),
        "weights": weights,
    }
    return file, model


def read(path):
    """The models by file name."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(f"cannot be read: {error}") from error
    models = content.get("models") if isinstance(content, dict) else None
    if not isinstance(models, dict) or not models:
        raise Refused('holds no "models"; expected the file published_weights.json')
    made = {}
    for name, arrays in models.items():
        file, model = convert(name, arrays)
        if file in made:
            raise Refused(f"{name}: a second model would be called {file}")
        made[file] = model
    return made


def write(folder, models, force):
    """All files or, when one is in the way, none."""
    os.makedirs(folder, exist_ok=True)
    taken = [file for file in models if os.path.lexists(os.path.join(folder, file))]
    if taken and not force:
        raise Refused(f"{folder} holds {taken[0]} already; choose another folder or --force")
    for file, model in models.items():
        temporary = os.path.join(folder, f".{file}.tmp")
        with open(temporary, "w", encoding="utf-8") as out:
            json.dump(model, out, indent=2, ensure_ascii=False)  # floats as the shortest text that gives them back
            out.write("\n")
        os.replace(temporary, os.path.join(folder, file))


def main():
    parser = argparse.ArgumentParser(
        description="Turn the weights published with arXiv:2506.04016 into finegrain model files.",
        epilog="Use one with {plugin: source.model, params: {file: FOLDER/plain-3-L32-1e6.json}}.",
    )
    parser.add_argument("weights", metavar="WEIGHTS.json", help="published_weights.json")
    parser.add_argument("folder", metavar="FOLDER", help="where the model files go; made when it is not there")
    parser.add_argument("--force", action="store_true", help="replace model files that are there")
    given = parser.parse_args()
    try:
        models = read(given.weights)
    except Refused as error:
        print(f"{parser.prog}: {given.weights}: {error}", file=sys.stderr)
        return 1
    try:
        write(given.folder, models, given.force)
    except (OSError, Refused) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"{len(models)} models in {given.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
