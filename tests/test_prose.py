"""The check of the prose: what it finds among right and wrong sentences, and what it reads."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("spacy")


@pytest.fixture(scope="module")
def check():
    made = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "check_prose.py")))
    if not any(map(made.find_spec, made.MODELS)):
        pytest.skip("there is no model of English")
    return made


def found(check, name):
    """Return the sentences of a file, and the kinds of fault in each."""
    lines = (ROOT / "tests" / "data" / name).read_text(encoding="utf-8").splitlines()
    return {line: [kind for _, kind in check.kinds(check.load(), line)] for line in lines}


def test_most_wrong_sentences_are_found_and_hardly_a_right_one(check):
    bad, good = found(check, "prose_bad.txt"), found(check, "prose_good.txt")
    assert len(bad) == 100
    assert len(good) == 105
    assert sum(map(bool, bad.values())) >= 92
    assert sum(map(bool, good.values())) <= 2
    assert {kind for kinds in bad.values() for kind in kinds} == set(check.RULES)


PAGE = """# Gates the net has none

A gate opens.
Long lags it bridges.

```
A block of code it is not.
```

- Easy to read.
- What the net learns.

| What a column has | Small numbers it holds. |
| --- | --- |
| `x` | To be looked into. |

>>> fit(X)
Short lags it bridges.
"""


def test_code_headings_and_fragments_are_not_sentences(check, tmp_path):
    (tmp_path / "docs" / "examples").mkdir(parents=True)
    for name in ("README.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("Every sentence is right.\n", encoding="utf-8")
    (tmp_path / "docs" / "page.md").write_text(PAGE, encoding="utf-8")
    script = '"""\nTitle\n=====\n\nNoise it ignores.\n"""\n\n# %%\n# Needs a\n# net.\nx = 1\n'
    (tmp_path / "docs" / "examples" / "plot_x.py").write_text(script, encoding="utf-8")
    faults = check.faults(tmp_path)
    assert [(Path(fault.path).name, fault.line, fault.sentence) for fault in faults] == [
        ("page.md", 3, "Long lags it bridges."),
        ("page.md", 11, "What the net learns."),
        ("page.md", 13, "Small numbers it holds."),
        ("page.md", 15, "To be looked into."),
        ("plot_x.py", 5, "Noise it ignores."),
        ("plot_x.py", 9, "Needs a net."),
    ]
    assert check.faults(tmp_path, {fault.sentence for fault in faults}) == []
