"""The direction of imports: each layer may import only from layers below it, and names on one line never each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Top first. A module belongs to the longest name that begins its own.
LAYERS: list[list[str]] = [
    ["producer", "worker", "src.cli", "src.web", "src.monitoring.metrics"],
    ["src.assembly"],
    ["src.producer", "src.worker", "src.monitoring"],
    ["src.sources"],
    ["src.attachments.child"],  # a program of its own: it puts the mail parser among the readers
    [
        "src.auth",
        "src.imap",
        "src.sync",
        "src.mail",
        "src.attachments",
        "src.rules",
        "src.actions",
        "src.sinks",
        "src.stream",
        "src.store",
    ],
    ["src.text"],
    ["src.model"],
    ["src.common"],
    ["config"],
]


def _place(module: str) -> tuple[int, str] | None:
    names = [(depth, name) for depth, line in enumerate(LAYERS) for name in line]
    fitting = [(depth, name) for depth, name in names if module == name or module.startswith(name + ".")]
    return max(fitting, key=lambda found: len(found[1])) if fitting else None


def _modules() -> list[Path]:
    return [*ROOT.glob("*.py"), *sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "config").rglob("*.py"))]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_imports_point_down(path: Path) -> None:
    own = _place(_name(path))
    if own is None:
        assert path.parent == ROOT / "src" or path.name == "__init__.py", f"{path} belongs to no layer"
        return
    for module in _imports(path):
        other = _place(module)
        if other is None or other[1] == own[1]:
            continue
        assert other[0] > own[0], f"{_name(path)} imports {module}, which is not below it"


@pytest.mark.parametrize("path", [p for p in _modules() if p.name == "__init__.py"], ids=_name)
def test_packages_hold_only_a_docstring(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1, f"{path} holds more than a docstring"
    assert isinstance(body[0], ast.Expr)
