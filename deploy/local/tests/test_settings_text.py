"""The settings that people read are those of the table."""

import re

from deploy.local.checkout import CHECKOUT
from deploy.local.settings_text import MARKS, env_example_text, readme_block, setting_rows, with_readme_block
from shared.settings.table import VARIABLES


def test_the_example_has_every_variable_commented_out_with_its_help() -> None:
    committed = (CHECKOUT / ".env.example").read_text(encoding="utf-8")

    assert committed == env_example_text(), "run `python -m deploy.local.reference`"
    assert re.findall(r"^# ([A-Z_]+)=", committed, re.MULTILINE) == [item.name for item in VARIABLES]
    assert all(line.startswith("#") for line in committed.splitlines() if line)


def test_the_readme_has_the_most_used_settings_as_the_table_has_them() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")

    assert with_readme_block(readme) == readme, "run `python -m deploy.local.reference`"


def test_a_block_between_marks_is_renewed_and_nothing_else() -> None:
    old = f"# Title\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nThe end.\n"

    assert with_readme_block(old) == f"# Title\n\n{readme_block()}\n\nThe end.\n"
    assert with_readme_block("# No marks\n") == "# No marks\n"


def test_a_row_names_the_aliases_and_no_cell_breaks_the_table() -> None:
    rows = list(setting_rows())

    assert any(names == "`ALPHAVANTAGE_API_KEY`, also `ALPHA_VANTAGE_API_KEY`" for names, *_ in rows)
    assert not any("|" in cell or "\n" in cell for row in rows for cell in row)
