"""Counts lines of code per folder: no blank lines, comments or docstrings. Prints a Markdown table."""

import ast
import io
import subprocess
import tokenize
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(source: str) -> int:
    """Return how many lines of a module hold code."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            used |= set(range(token.start[0], token.end[0] + 1))
    return len(used - docstrings)


def main() -> None:
    """Print code and test lines of each folder."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    code: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for name in map(Path, listed.stdout.split()):
        folder = "/".join(name.parts[:2]) if len(name.parts) > 2 else name.parts[0]
        is_test = "tests" in name.parts or name.name == "conftest.py"
        (tests if is_test else code)[folder] += code_lines((CHECKOUT / name).read_text(encoding="utf-8"))
    print("| folder | code | tests |\n|---|---:|---:|")
    for folder in sorted(code | tests):
        print(f"| `{folder}` | {code[folder]:,} | {tests[folder]:,} |")
    print(f"| all | {code.total():,} | {tests.total():,} |")


if __name__ == "__main__":
    main()
