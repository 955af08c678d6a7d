"""Build wheels in several ways, train with each, and compare the bits of the weights.

    python benchmarks/same_bits.py

One wheel runs on every x86-64 processor (or every processor of another family); another is for the
instruction set of this machine. Nets and data are those of tests/reference/fingerprint.py. The exit
status is 1 if any hash differs.
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
    """Build a wheel for an instruction set, unpack it, and train with its kernels."""
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
