"""Runs the targets one after another, each for FUZZ_SECONDS, and prints what was tried; ends with 1 where one failed.

`run.py [--keep] [TARGET…]`. What is found goes to `.tools/fuzz-found/`. With `--keep`, the kept corpus becomes the
fewest inputs that reach as far as all of both. An input that fails is always kept, as `fuzz/corpus/TARGET/crash-…`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS, FOUND = ROOT / "fuzz" / "corpus", ROOT / ".tools" / "fuzz-found"
MAX_BYTES = 16_384  # an input; what takes megabytes is made by hand in tests/pki/test_worst_cases.py
KEPT_BYTES = 50_000  # of a target: the repository is no place for more
LIMITS = ["-timeout=20", "-rss_limit_mb=1500", f"-max_len={MAX_BYTES}"]


@dataclass(frozen=True)
class Figures:
    """Of one target: inputs tried, branches reached (libFuzzer's `cov`), inputs a second, and whether one failed."""

    tried: int
    reached: int
    a_second: int
    failed: bool


def main(arguments: list[str]) -> int:
    """Runs them all, and says how it went."""
    keep = "--keep" in arguments
    names = [name for name in arguments if name != "--keep"] or targets()
    seconds = int(os.environ.get("FUZZ_SECONDS", "20"))
    print(f"{'target':<18}{'inputs tried':>14}{'a second':>10}{'branches':>10}  result")
    failed = 0
    for name in names:
        figures = run(name, seconds)
        failed += figures.failed
        result = f"FAILED, see fuzz/corpus/{name}/crash-*" if figures.failed else "none failed"
        print(f"{name:<18}{figures.tried:>14,}{figures.a_second:>10,}{figures.reached:>10,}  {result}", flush=True)
        if keep:
            fold(name)
    return 1 if failed else 0


def targets() -> list[str]:
    """The names, asked in a process of its own: this one imports nothing of Trustyard."""
    code = "from fuzz.targets import TARGETS; print(*TARGETS)"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment(), check=True, capture_output=True, text=True
    ).stdout.split()


def run(name: str, seconds: int) -> Figures:
    """One target for so many seconds, from the kept corpus and what earlier runs found."""
    kept, found = CORPUS / name, FOUND / name
    for folder in (kept, found):
        folder.mkdir(parents=True, exist_ok=True)
    said = fuzzer(name, str(found), str(kept), f"-max_total_time={seconds}", f"-artifact_prefix={kept}/")
    log = said.stderr + said.stdout
    (FOUND / f"{name}.log").write_text(log)
    reached = re.findall(r"\bcov: (\d+)", log)
    return Figures(
        tried=int(_last(r"stat::number_of_executed_units:\s*(\d+)", log)),
        reached=int(reached[-1]) if reached else 0,
        a_second=int(_last(r"stat::average_exec_per_sec:\s*(\d+)", log)),
        failed=said.returncode != 0,
    )


def fold(name: str) -> None:
    """Makes the kept corpus the fewest inputs, of the kept and the found ones, that reach as far; small ones first."""
    kept = CORPUS / name
    with tempfile.TemporaryDirectory() as scratch:
        fuzzer(name, "-merge=1", scratch, str(kept), str(FOUND / name))
        fewest = sorted(Path(scratch).iterdir(), key=lambda path: path.stat().st_size)
        if not fewest:
            raise SystemExit(f"libFuzzer did not merge the inputs of {name}.")
        for path in kept.iterdir():
            if not path.name.startswith("crash-"):
                path.unlink()
        size = 0
        for path in fewest:
            size += path.stat().st_size
            if size <= KEPT_BYTES:
                (kept / path.name).write_bytes(path.read_bytes())


def fuzzer(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """libFuzzer with a target, to its end."""
    # libFuzzer ends a process without its last rites, so what the tests' settings leave behind is removed here.
    command = [str(ROOT / "fuzz" / "one.py"), *arguments, *LIMITS, "-print_final_stats=1"]
    with tempfile.TemporaryDirectory() as scratch:
        return subprocess.run(
            command,
            env=environment() | {"TMPDIR": scratch, "FUZZ_TARGET": name},
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
        )


def environment() -> dict[str, str]:
    """Where Python finds the targets, Trustyard, and atheris (last: it must hide nothing); and which Python it is."""
    places = [str(ROOT), str(ROOT / "src"), str(ROOT / ".tools" / "fuzz")]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(places), "PATH": path}


def _last(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    return str(found[-1]) if found else "0"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
