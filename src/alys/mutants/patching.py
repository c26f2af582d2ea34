"""Plant a bug for a while: functions get other code, made of their own source with one text replaced.

Theory of operation. It is the code *in* a function that is swapped (``__code__``), not the function: so whoever holds the
function sees the change, by whatever way he came to it: a table of handlers, an import by name, a subclass, a decorator,
a struct's validator. Globals, defaults and closures stay the function's own. The new code is compiled where the old one
stood: in a class of the same name (private names, ``super()``) and with the same free variables.

A counter is called before the innermost statement in which the texts differ, so that a run can tell whether it came there.
What functions remember (``functools.cache``) is forgotten when a bug is planted and when it is taken out.

Nothing is threaded here: one bug at a time, in one process.
"""

import ast
import functools
import importlib
import inspect
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alys.mutants.mutant import Edit, Mutant, NotPlanted

_OUTER = "_planted_in"
_COUNTER = "_planted_ran"

Spot = tuple[int, int]
"""Line from 1, column from 0 in bytes."""
_NOT_HERE: tuple[list[ast.stmt], int] = ([], -1)
"""The heading of a handler or a case: what counts is the statement that it belongs to."""


class Planted:
    """A bug that is planted now. ``ran`` says how often a changed statement was come to, all edits together."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        #: By the edit's number.
        self.counts = [0] * len(mutant.edits)

    @property
    def ran(self) -> int:
        """How often."""
        return sum(self.counts)

    def counter(self, index: int) -> Callable[[], None]:
        """What is called before the changed statement of an edit."""
        counts = self.counts

        def count() -> None:
            counts[index] += 1

        return count


@contextmanager
def planted(mutant: Mutant) -> Iterator[Planted]:
    """Plant it until the block is left, also by an error. Raises NotPlanted; then nothing was changed."""
    found = Planted(mutant)
    changes = [(function_of(mutant, target), edits) for target, edits in _by_target(mutant).items()]
    codes = [
        (function, function.__code__, _changed(mutant, function, edits))
        for function, edits in changes
    ]
    names = [
        (function.__globals__, f"{_COUNTER}_{index}", found.counter(index))
        for function, edits in changes
        for index, _ in edits
    ]
    try:
        for namespace, name, counter in names:
            namespace[name] = counter
        for function, _, new in codes:
            function.__code__ = new
        forget()
        yield found
    finally:
        for function, old, _ in codes:
            function.__code__ = old
        for namespace, name, _ in names:
            namespace.pop(name, None)
        forget()


def check(mutant: Mutant) -> None:
    """Raises NotPlanted when it could not be planted; changes nothing."""
    for target, edits in _by_target(mutant).items():
        _changed(mutant, function_of(mutant, target), edits)


def function_of(mutant: Mutant, target: str) -> types.FunctionType:
    """The plain function behind a target. Raises NotPlanted."""
    module_name, _, path = target.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise NotPlanted(f"{mutant.name}: no module {module_name!r} ({error})") from error
    for step in path.split("."):
        try:  # not getattr: that would bind it, or call a property
            found = inspect.getattr_static(found, step)
        except AttributeError:
            raise NotPlanted(
                f"{mutant.name}: {target} does not exist; has it moved? no {step!r} there"
            ) from None
    found = _unwrapped(found)
    if not isinstance(found, types.FunctionType):
        raise NotPlanted(
            f"{mutant.name}: {target} is no function but {type(found).__name__}; edit one that reads it"
        )
    return found


def _unwrapped(found: Any) -> Any:
    """What decorators have put around a function is taken off."""
    while not isinstance(found, types.FunctionType) or hasattr(found, "__wrapped__"):
        if isinstance(found, property):
            found = found.fget
        elif isinstance(found, functools.cached_property | functools.partial):
            found = found.func
        elif isinstance(found, staticmethod | classmethod):
            found = found.__func__
        elif hasattr(found, "__wrapped__"):
            found = found.__wrapped__
        else:
            return found
    return found


def _by_target(mutant: Mutant) -> dict[str, list[tuple[int, Edit]]]:
    """The edits of each function, with their numbers."""
    grouped: dict[str, list[tuple[int, Edit]]] = {}
    for index, edit in enumerate(mutant.edits):
        grouped.setdefault(edit.target, []).append((index, edit))
    if not grouped:
        raise NotPlanted(f"{mutant.name}: a planted bug has at least one edit")
    return grouped


def _changed(
    mutant: Mutant, function: types.FunctionType, edits: list[tuple[int, Edit]]
) -> types.CodeType:
    """The function's code with the texts replaced and the counters put in."""
    lines, first_line = inspect.getsourcelines(function)
    source = textwrap.dedent("".join(lines))
    spots: list[tuple[int, int]] = []  # where the texts differ: offset in the new source, edit
    for index, edit in edits:
        count = source.count(edit.old)
        if count != 1:
            raise NotPlanted(
                f"{mutant.name}: {edit.target} holds {count} times, and should once:\n{edit.old}"
            )
        at = source.index(edit.old)
        source = source.replace(edit.old, edit.new)
        grown = len(edit.new) - len(edit.old)
        spots = [(spot + grown if spot > at else spot, number) for spot, number in spots]
        spots.append((at + _first_difference(edit), index))
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise NotPlanted(
            f"{mutant.name}: {edits[0][1].target} is no Python any more: {error}"
        ) from error
    made = tree.body[0]
    assert isinstance(made, ast.FunctionDef | ast.AsyncFunctionDef), "it is a function's source"
    for spot, index in spots:
        _count_at(mutant, source, made, spot, index)
    made.decorator_list = []
    code = _compiled(made, function, first_line)
    old = function.__code__
    if code.co_freevars != old.co_freevars:
        raise NotPlanted(
            f"{mutant.name}: {edits[0][1].target} closes over {old.co_freevars}, with the new text over {code.co_freevars}"
        )
    return code


def _first_difference(edit: Edit) -> int:
    """Offset in the new text of the first thing that is not blank and not as it was."""
    at, end = 0, len(edit.new)
    while at < end and edit.new[at : at + 1] == edit.old[at : at + 1]:
        at += 1
    while at < end and edit.new[at].isspace():
        at += 1
    return min(at, max(end - 1, 0))


def _count_at(
    mutant: Mutant,
    source: str,
    made: ast.FunctionDef | ast.AsyncFunctionDef,
    spot: int,
    index: int,
) -> None:
    """Call the counter before the innermost statement that the spot is in."""
    before = source[:spot]
    line = before.count("\n") + 1
    column = len(before[before.rfind("\n") + 1 :].encode())
    place = _innermost(made, (line, column))
    if place is None:
        raise NotPlanted(
            f"{mutant.name}: edit {index} changes no statement of {made.name}; a statement that falls away is written 'pass'"
        )
    block, position = place
    call = ast.Expr(ast.Call(ast.Name(f"{_COUNTER}_{index}", ast.Load()), [], []))
    block.insert(position, ast.copy_location(call, block[position]))


def _innermost(node: ast.AST, spot: Spot) -> tuple[list[ast.stmt], int] | None:
    """The block and the place in it of the smallest statement around a spot; None where a whole statement is missing."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for position, item in enumerate(block := getattr(node, field, [])):
            if not _covers(item, spot):
                continue
            if _is_heading(item, spot):
                return (block, position) if isinstance(item, ast.stmt) else _NOT_HERE
            inner = _innermost(item, spot)
            return (block, position) if inner is _NOT_HERE else inner
    return None


def _is_heading(item: Any, spot: Spot) -> bool:
    """Whether the spot is before the first statement in it, if it has any."""
    inside = getattr(item, "body", None) or getattr(item, "cases", None)
    if not inside:
        return True
    first = inside[0].pattern if isinstance(inside[0], ast.match_case) else inside[0]
    return spot < (first.lineno, first.col_offset)


def _covers(item: Any, spot: Spot) -> bool:
    first, last = (
        (item.pattern, item.body[-1]) if isinstance(item, ast.match_case) else (item, item)
    )
    begin = (first.lineno, first.col_offset)
    return begin <= spot <= (last.end_lineno or last.lineno, last.end_col_offset or 0)


def _compiled(
    made: ast.FunctionDef | ast.AsyncFunctionDef, function: types.FunctionType, first_line: int
) -> types.CodeType:
    """Compile it where it stood: in its class, closed over the same variables."""
    old = function.__code__
    if (
        old.co_freevars
    ):  # named once more, so that a change that reads them no longer closes over them all the same
        names: list[ast.expr] = [ast.Name(name, ast.Load()) for name in old.co_freevars]
        keep = ast.If(ast.Constant(False), [ast.Expr(ast.Tuple(names, ast.Load()))], [])
        made.body.insert(1 if ast.get_docstring(made) is not None else 0, keep)
    body: list[ast.stmt] = [made]
    owners = function.__qualname__.split(".")[:-1]
    if owners and owners[-1] != "<locals>":
        body = [ast.ClassDef(name=owners[-1], bases=[], keywords=[], body=body, decorator_list=[])]
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in old.co_freevars],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    outer = ast.FunctionDef(name=_OUTER, args=arguments, body=body, decorator_list=[])
    tree = ast.fix_missing_locations(ast.Module(body=[outer], type_ignores=[]))
    ast.increment_lineno(tree, first_line - 1)

    code = compile(tree, old.co_filename, "exec", dont_inherit=True)
    found = _code_named(code, made.name)
    assert found is not None, "it was compiled just now"
    return found.replace(co_qualname=old.co_qualname)


def _code_named(code: types.CodeType, name: str) -> types.CodeType | None:
    """The first code of that name inside."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_name == name:
                return constant
            inner = _code_named(constant, name)
            if inner is not None:
                return inner
    return None


def forget() -> None:
    """Clear what functions of the project remember."""
    for name, module in list(sys.modules.items()):
        if module is None or name.split(".", 1)[0] != "alys":
            continue
        for value in list(vars(module).values()):
            _clear(value)
            if isinstance(value, type) and value.__module__ == name:
                for member in list(vars(value).values()):
                    _clear(_bare(member))


def _bare(member: Any) -> Any:
    return member.__func__ if isinstance(member, staticmethod | classmethod) else member


def _clear(value: Any) -> None:
    clear = getattr(value, "cache_clear", None) if not isinstance(value, type) else None
    if callable(clear):
        clear()
