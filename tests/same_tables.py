"""same_tables.py A.h5 B.h5: every table and model of two runs is the same, bit for bit."""
import sys

import h5py


def contents(path):
    found = {}
    with h5py.File(path, "r") as file:
        for group in ("stages", "models"):
            if group in file:
                file[group].visititems(
                    lambda name, item, group=group: found.__setitem__(f"{group}/{name}", item[()].tobytes())
                    if isinstance(item, h5py.Dataset)
                    else None
                )
    return found


a, b = contents(sys.argv[1]), contents(sys.argv[2])
assert a, "no tables"
assert a.keys() == b.keys(), a.keys() ^ b.keys()
different = [name for name in a if a[name] != b[name]]
assert not different, different
