"""The tables of docs/capabilities.md: each cell is made again, and compared with the page."""

import pytest

from capabilities import MARKED, METHODS, NEEDS, PAGE, TABLES, attempt


def rows_of(lines):
    """Return the cells of each row of a table, by the row's name."""
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    return {name: cells for name, *cells in rows}


PARTS = list(MARKED.finditer(PAGE.read_text(encoding="utf-8")))
SHOWN = {part[2]: rows_of(part[0].splitlines()[3:-1]) for part in PARTS}


@pytest.mark.parametrize(
    ("table", "row"), [(table, row) for table, (rows, _) in TABLES.items() for row in rows]
)
def test_a_row_of_the_page_is_true(table, row):
    if row in NEEDS:
        pytest.importorskip(NEEDS[row])
    made = [attempt(table, row, method) for method in METHODS]
    assert made == SHOWN[table][row]


def test_the_page_has_no_other_rows():
    assert {table: list(rows) for table, rows in SHOWN.items()} == {
        table: list(rows) for table, (rows, _) in TABLES.items()
    }
