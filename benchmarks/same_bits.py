"""Build wheels in several ways, train with each, compare the weights to the last bit.

    python benchmarks/same_bits.py

One wheel is for any x86-64 processor (or any processor of this kind), one for this machine's own
instruction set. The nets and data are those of tests/reference/fingerprint.py. Exit status 1, if
any hash differs.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BASELINE = {"x86_64": "x86-64", "aarch64": "armv8-a", "arm64": "armv8-a"}
BUILDS = {"baseline": BASELINE.get(platform.machine(), "native"), "own": "native"}


def fingerprints(name, arch, folder):
    """Build a wheel for an instruction set, unpack it, train with what is in it."""
    wheels, unpacked = folder / "wheels", folder / "unpacked"
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, ROOT]
    subprocess.run(command, check=True, env={**os.environ, "LSTM97_ARCH": arch})
    (wheel,) = wheels.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(unpacked)
    tests = ROOT / "tests"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(unpacked), str(tests)])}
    script = "import lstm97._kernels.vectors as m; print(m.__file__, m.N_LANES)"
    where = subprocess.run(
        [sys.executable, "-c", script], check=True, env=environment, cwd=folder,
        capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    print(f"{name} ({arch}): {where.split()[-1]} doubles per vector")
    if not where.startswith(str(unpacked)):
        raise RuntimeError(f"{name}: {where} was imported, not the wheel's own module")
    output = subprocess.run(
        [sys.executable, tests / "reference" / "fingerprint.py"],
        check=True, env=environment, cwd=folder, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return json.loads(output)


def main():
    """Build, train, compare, print."""
    hashes = {}
    for name, arch in BUILDS.items():
        with tempfile.TemporaryDirectory() as folder:
            hashes[name] = fingerprints(name, arch, Path(folder).resolve())
    same = True
    for net in hashes["own"]:
        each = {name: found[net] for name, found in hashes.items()}
        same = same and len(set(each.values())) == 1
        print(net.ljust(10), *(f"{name} {h}" for name, h in each.items()))
    print("the same bits" if same else "DIFFERENT")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
