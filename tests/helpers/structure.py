"""Count what the structure of the source is judged by.

    python -P tests/helpers/structure.py        # the counts, each with its limit
    python -P tests/helpers/structure.py -v     # and the lines that they stand for

`LIMITS` has the limits, and `tests/test_structure.py` checks them. Everything is read
from the source, but for the size of the compiled modules, which are those of the
installed package.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE, SOURCE = ROOT / "skxent", ROOT / "src"

# Modules import only from rooms of the same floor or of a lower one.
FLOORS = (
    {"typing"},
    {"kernels"},
    {"inputs"},
    {"losses"},
    {"optimize"},
    {"metrics"},
    {"base"},
    {"linear_model"},
    {"calibration", "blending", "boosting"},
    {"displays"},
    {"dask", "onnx", "torch"},
    {"targets", "blocks", "scorers", "explanation"},  # public names of lower rooms
    {"skxent"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# The counts and their limits.
LIMITS = {
    "parameters of a function": 8,
    "places of the penalty": 4,
    "logits to class codes": 1,
    "signatures with the keywords of metrics": 0,
    "long files": 0,
    "import cycles": 0,
    "imports upward": 0,
    "assignments from outside": 0,
    "compiled bytes": 2_000_000,
    "lines": 40_402,
    "lines of code": 25_050,
}
MAX_FILE_LINES = 300

Found = list[str]


def name_of(path: Path) -> str:
    """Return the dotted name of a module in the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(p for s in suffixes for p in folder.rglob(f"*{s}"))


@cache
def modules() -> dict[str, Path]:
    return {name_of(path): path for path in files(PACKAGE, ".py")}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def at(path: Path, node: ast.AST, text: str = "") -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno} {text}".rstrip()


# ---- imports


def imports(name: str, *, whole: bool = True) -> Iterator[tuple[str, ast.AST]]:
    """Yield the modules that a module imports, also within functions.

    whole : also what only a type checker reads.
    """
    for node in ast.walk(tree(modules()[name])):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            if not whole:
                node.body = []
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, at(modules()[name], node, "relative import")
            base = node.module or ""
            for alias in node.names:
                member = f"{base}.{alias.name}"
                yield (member if member in modules() else base), node


def import_cycles() -> Found:
    """Return the sets of modules that import each other, also within functions."""
    # The modules that the package names for type checkers are imported when asked for.
    graph = {
        name: {
            other
            for other, _ in imports(name, whole=name != "skxent")
            if other in modules() and other != name
        }
        for name in modules()
    }

    def reachable(start: str) -> set[str]:
        seen, waiting = set(), list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(graph[name])
        return seen

    reach = {name: reachable(name) for name in graph}
    cycles = {
        frozenset(other for other in reach[name] if name in reach[other])
        for name in graph
        if name in reach[name]
    }
    return [" <-> ".join(sorted(cycle)) for cycle in cycles]


def room_of(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] or package


def imports_upward() -> Found:
    found = []
    for name, path in modules().items():
        for other, node in imports(name):
            if other.partition(".")[0] != "skxent":
                continue
            if FLOOR_OF[room_of(other)] > FLOOR_OF[room_of(name)]:
                found.append(at(path, node, other))
    return found


# ---- public signatures


def resolve(module: str, name: str) -> tuple[str, ast.AST] | None:
    """Return where a name that a module has was defined, and its definition."""
    if f"{module}.{name}" in modules():
        return None
    body = tree(modules()[module]).body
    # Names that are imported when first asked for stand below `if TYPE_CHECKING`.
    lazy = [child for node in body if isinstance(node, ast.If) for child in node.body]
    for node in (*body, *lazy):
        if getattr(node, "name", None) == name and not is_overload(node):
            return module, node
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name and node.module in modules():
                    return resolve(node.module, alias.name)
    return None


def is_overload(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", ())
    return any(ast.unparse(d).endswith("overload") for d in decorators)


@cache
def public_definitions() -> frozenset[tuple[str, str]]:
    """Return (module, name) of the public functions and methods that users call."""
    found: set[tuple[str, str]] = set()

    def add_class(module: str, node: ast.ClassDef) -> None:
        for item in node.body:
            if isinstance(item, ast.FunctionDef):
                public = item.name == "__init__" or not item.name.startswith("_")
                found.update([(module, f"{node.name}.{item.name}")] * public)
        for base in node.bases:
            owner, _, name = ast.unparse(base).partition("[")[0].rpartition(".")
            home = f"skxent.{owner}" if owner else module
            definition = resolve(home, name) if home in modules() else None
            if definition and isinstance(definition[1], ast.ClassDef):
                add_class(*definition)

    for module, path in modules().items():
        if any(part.startswith("_") for part in module.split(".")):
            continue
        for node in tree(path).body:
            if not isinstance(node, ast.Assign) or path.parent.name in PRIVATE_ROOMS:
                continue
            if ast.unparse(node.targets[0]) != "__all__":
                continue
            for name in ast.literal_eval(node.value):
                definition = resolve(module, name)
                if definition and isinstance(definition[1], ast.ClassDef):
                    add_class(*definition)
                elif definition:
                    found.add((definition[0], name))
    return frozenset(found)


PRIVATE_ROOMS = ("kernels", "inputs", "optimize", "base")


def qualified(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield all functions and lambdas below a node, with their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield name, child
            yield from qualified(child, f"{name}.")
        else:
            if isinstance(child, ast.Lambda):
                yield f"{prefix}<lambda>", child
            yield from qualified(child, prefix)


def parameters(node: ast.AST) -> list[str]:
    """Return the names of what a caller of a function passes."""
    arguments = node.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    given += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    names = [argument.arg for argument in given]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


# ---- Cython and C


def without_comments(path: Path) -> str:
    """Return the source of a file without its comments and strings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".h":
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
        return text.replace("\\\n", " ")
    strings = r'""".*?"""|"[^"\n]*"|\'[^\'\n]*\'|#[^\n]*'
    return re.sub(strings, '""', text, flags=re.DOTALL)


def closing(text: str, opening: int) -> int:
    """Return the place of the bracket that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth == 0:
            return place
    return -1


def arguments_between(text: str) -> int:
    """Count arguments by the commas that are in no bracket."""
    if text.strip() in ("", "void"):
        return 0
    depth, count = 0, 1
    for letter in text.rstrip().rstrip(","):
        depth += (letter in "([{") - (letter in ")]}")
        count += letter == "," and depth == 0
    return count


# A function in C: a type, the name, and a body. Macros count as well.
C_HEAD = re.compile(r"[\w*#]\s+\*?(?P<name>[\w#]+)\s*\(|#define (?P<macro>\w+)\(")
# One in Cython, or the declaration of one in C.
CYTHON_HEAD = re.compile(r"^[ \t]*(?:cdef|cpdef|def)\b[^=(\n]*?(?P<name>\w+)\(", re.M)
EXTERN_HEAD = re.compile(r"^[ \t]+\w[\w *]*[ *](?P<name>\w+)\(", re.M)
EXTERN_BLOCK = re.compile(r"^cdef extern [^\n]*:\n(?:[ \t]+[^\n]*\n|\n)+", re.M)


def compiled_functions() -> Iterator[tuple[int, str]]:
    """Yield the number of parameters of each function in src/, and where it is."""
    for path in files(SOURCE, ".pyx", ".pxd", ".h"):
        text = without_comments(path)
        if path.suffix == ".h":
            heads = list(C_HEAD.finditer(text))
        else:
            heads = list(CYTHON_HEAD.finditer(text))
            for block in EXTERN_BLOCK.finditer(text):
                heads += EXTERN_HEAD.finditer(text, block.start(), block.end())
        for head in heads:
            end = closing(text, head.end() - 1)
            name = head["name"] or head["macro"]
            is_body = text[end + 1 :].lstrip().startswith("{")
            if path.suffix == ".h" and head["name"] and not is_body:
                continue  # a call
            count = arguments_between(text[head.end() : end])
            yield count, f"{path.relative_to(ROOT)} {name}"


def long_signatures(limit: int = 8) -> list[tuple[int, str]]:
    """Return the functions with more parameters than the limit, the longest first."""
    found = [(n, where) for n, where in compiled_functions() if n > limit]
    for path in files(PACKAGE, ".py", ".pyi"):
        module = name_of(path)
        for name, node in qualified(tree(path)):
            if (module, name) not in public_definitions():
                count = len(parameters(node))
                found += [(count, at(path, node, name))] * (count > limit)
    return sorted(found, reverse=True)


# ---- what should stand once


def top_level(path: Path) -> Iterator[tuple[str, ast.AST]]:
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node


def penalty_lines() -> Found:
    """Return the lines that read or set the penalty of an objective."""
    found = set()
    for path in modules().values():
        for name, node in top_level(path):
            for child in ast.walk(node):
                if isinstance(child, ast.Attribute) and re.match(
                    r"_?(penalty|l1|l2)$", child.attr
                ):
                    found.add((path, child.lineno, name))
    return [f"{p.relative_to(ROOT)}:{line} {name}" for p, line, name in sorted(found)]


def penalty_places() -> Found:
    """Return the functions and classes that read or set the penalty."""
    return sorted({re.sub(r":\d+", "", line) for line in penalty_lines()})


def code_expressions() -> Found:
    """Return the functions that turn logits into codes: the sign, or the largest."""
    found = []
    for path in modules().values():
        for name, node in qualified(tree(path)):
            text = ast.unparse(node)
            if "argmax(" in text and re.search(r"> 0(\.0)?\)\.astype\(", text):
                found.append(at(path, node, name))
    return found


METRIC_KEYWORDS = {"labels", "class_weight", "from_logits", "ignore_index"}


def keyword_lists() -> Found:
    """Return the signatures that spell out the keywords that metrics share."""
    return [
        at(path, node, name)
        for path in modules().values()
        for name, node in qualified(tree(path))
        if set(parameters(node)) >= METRIC_KEYWORDS
    ]


def long_files() -> Found:
    counts = {path: n_lines(path) for path in files(PACKAGE, ".py", ".pyi")}
    return [
        f"{path.relative_to(ROOT)} {count}"
        for path, count in counts.items()
        if count > MAX_FILE_LINES
    ]


def n_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


# ---- assignments from outside


def assigned(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the attributes that a statement assigns to."""
    targets: Iterable[ast.AST] = ()
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
                yield part


def is_own(value: ast.AST, made: dict[str, str]) -> bool:
    """Return True for self, and for a new object that a method makes of itself."""
    text = ast.unparse(value)
    if text in ("self", "cls"):
        return True
    source = made.get(text, "")
    return bool(OWN_COPY.match(source))


# How a method makes an object of its own class.
OWN_COPY = re.compile(
    r"(copy|deepcopy|clone)\(self\b|self\._\w*copy\(|cls\b|type\(self\)"
)
# Attributes that other libraries, or a fit that failed, need assigned from outside.
ASSIGNED_BY_DESIGN = (
    "text.xyann",
    "operator.outputs[1].type.shape",
    "estimator.__dict__",
    "ctx.run",  # torch.autograd.Function
)
# Names of a function that the caller has just made.
OF_FUNCTIONS = (".__doc__", ".__module__", ".__name__", ".__qualname__")


def assignments_from_outside() -> Found:
    """Return the assignments to attributes of what is not the method's own object."""
    found = []
    for path in modules().values():
        for name, function in qualified(tree(path)):
            if name.endswith("__sklearn_tags__"):  # scikit-learn wants its tags so
                continue
            nodes = list(own_nodes(function))
            made = {
                ast.unparse(target): ast.unparse(node.value)
                for node in nodes
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
                for target in getattr(node, "targets", [getattr(node, "target", None)])
            }
            # A function within is its own as well.
            functions = [n.name for n in nodes if isinstance(n, ast.FunctionDef)]
            made |= dict.fromkeys(functions, "cls")
            for node in nodes:
                for attribute in assigned(node):
                    text = ast.unparse(attribute)
                    if text.endswith((".flags.writeable", *OF_FUNCTIONS)):
                        continue
                    if text in ASSIGNED_BY_DESIGN:
                        continue
                    if not is_own(attribute.value, made):
                        found.append(at(path, node, text))
                is_call = isinstance(node, ast.Call)
                if is_call and ast.unparse(node.func) == "setattr":
                    own = is_own(node.args[0], made)
                    found += [at(path, node, ast.unparse(node))] * (not own)
    return found


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield from own_nodes(child)


# ---- sizes


def compiled_bytes() -> int:
    spec = find_spec("skxent")
    assert spec is not None and spec.origin is not None
    installed = files(Path(spec.origin).parent, ".so", ".pyd")
    return sum(path.stat().st_size for path in installed)


def source_files() -> list[Path]:
    return [*files(SOURCE, ".pyx", ".pxd", ".h", ".build"), *files(PACKAGE, ".py")]


def source_lines() -> int:
    return sum(map(n_lines, source_files()))


def code_lines() -> int:
    """Return the lines that are neither empty nor comments nor docstrings."""
    total = 0
    for path in source_files():
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".h":
            text = without_comments(path)
        else:
            text = re.sub(r'^\s*r?"""(?s:.*?)"""$|^\s*#.*$', "", text, flags=re.M)
        total += sum(bool(line.strip()) for line in text.splitlines())
    return total


def counts() -> dict[str, tuple[int, Found]]:
    """Return each count, and the lines that it stands for."""
    signatures = long_signatures()
    found = {
        "places of the penalty": penalty_places(),
        "logits to class codes": code_expressions(),
        "signatures with the keywords of metrics": keyword_lists(),
        "long files": long_files(),
        "import cycles": import_cycles(),
        "imports upward": imports_upward(),
        "assignments from outside": assignments_from_outside(),
    }
    return {
        "parameters of a function": (
            max((n for n, _ in signatures), default=8),
            [f"{n} {where}" for n, where in signatures],
        ),
        **{name: (len(lines), lines) for name, lines in found.items()},
        "compiled bytes": (compiled_bytes(), []),
        "lines": (source_lines(), []),
        "lines of code": (code_lines(), []),
    }


def main() -> None:
    for name, (count, lines) in counts().items():
        print(f"{name:40} {count:9,}   limit {LIMITS[name]:,}")
        for line in lines if "-v" in sys.argv else ():
            print(f"    {line}")


if __name__ == "__main__":
    main()
