"""Promises of the house: which way imports run, and that its documented commands exist."""

import ast
import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = packages_distributions()
PACKAGES = ("minitransformer", "autograder")
NEVER = {
    "minitransformer": {"autograder", "solutions", "notebooks", "tests", "work"},
    "autograder": {"solutions", "notebooks", "tests", "work"},
}


def modules(package: str) -> dict[str, Path]:
    """Dotted name → file."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, nested: bool) -> set[str]:
    """What a module imports; with `nested`, inside functions and type-checking blocks too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree) if nested else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            above = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def needed(every: dict[str, Path], name: str) -> set[str]:
    """The modules of ours that this one needs while it is being imported, itself excluded."""
    found = set()
    for target in imports(name, every[name], nested=False):
        for candidate in (target, target.rpartition(".")[0]):
            if candidate in every:
                found.add(candidate)
                break
    return found - {name}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package):
    wrong = {
        f"{name} imports {target}"
        for name, path in modules(package).items()
        for target in imports(name, path, nested=True)
        if target.split(".")[0] in NEVER[package]
    }
    assert wrong == set()


def test_no_module_needs_itself_in_a_circle():
    every = {name: path for package in PACKAGES for name, path in modules(package).items()}
    graph = {name: needed(every, name) for name in every}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join([*above[above.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*above, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_only_the_command_line_prints_or_exits():
    allowed = {"autograder.cli", "autograder.notebook"}
    found = []
    for name, path in modules("autograder").items():
        if name in allowed or name.startswith(("autograder.exercises", "autograder.sandbox")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in ("print", "exit", "sys.exit"):
                found.append(f"{name}, line {node.lineno}")
    assert found == []


def targets() -> dict[str, str]:
    """Each target that make help could list → its recipe's help text, or an empty one."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.+)$", makefile, re.M)
    helped = dict(re.findall(r"^([a-z-]+):.*?##\s*(\S.*)$", makefile, re.M))
    return {name: helped.get(name, "") for line in phony for name in line.split()}


def test_every_target_says_what_it_does():
    assert {"help", "lab", "grade", "test", "notebooks", "validate", "bench"} <= set(targets())
    assert [name for name, text in targets().items() if not text] == []


def test_make_help_lists_every_target():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name, text in targets().items():
        assert re.search(rf"^  make {name} +{re.escape(text)}$", listed.stdout, re.M), name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_in_a_document_exists(document):
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(code(ROOT / document))))
    assert named, f"{document} names no make command"
    assert named <= set(targets())


def code(document: Path) -> list[str]:
    """Code blocks and code spans of a Markdown document."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S)
    return blocks + re.findall(r"`([^`\n]+)`", text)


def test_continuous_integration_runs_make_test_and_nothing_more():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in commands if not line.startswith(("set ", "cd "))] == ["exec make test"]


def test_every_dependency_has_an_exact_version_and_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = [spec for group in project["optional-dependencies"].values() for spec in group]
    exact = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    exact = {name.lower().replace("_", "-"): version for name, version in exact.items()}
    for spec in [*project["dependencies"], *extras]:
        name = re.match(r"[\w-]+", spec).group().lower().replace("_", "-")
        assert name in exact, f"{name} is not in constraints.txt; run make constraints"
        assert re.search(rf'"{re.escape(spec)}",\s+# \S', text), f"{spec} has no reason"


def test_everything_imported_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    plain = [*project["dependencies"], *extras["course"]]
    for folder, declared in (
        ("minitransformer", project["dependencies"]),
        ("autograder", plain),
        ("tests", [*plain, *extras["dev"]]),
    ):
        known = {re.match(r"[\w-]+", spec).group().lower().replace("_", "-") for spec in declared}
        for name, path in modules(folder).items():
            for top in {target.split(".")[0] for target in imports(name, path, nested=True)}:
                homes = {home.lower().replace("_", "-") for home in DISTRIBUTIONS.get(top, [])}
                assert not homes or homes & {*known, project["name"]}, f"{name} imports {top}"


def test_constraints_name_no_path_address_or_local_build():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines[0].startswith("#")
    assert [line for line in lines[1:] if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []
