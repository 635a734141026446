"""What notebooks import: `check`, `hint`, `quiz`, `progress` and `use`.

The check runs the learner's function in the learner's own kernel, on inputs everybody may see,
and asks the same judge as the final grade. It is feedback, not evidence: a grade runs the cells
again, in another process, on unseen inputs of the same properties.
"""

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from IPython import get_ipython
from IPython.display import display

from autograder import exercises
from autograder.course import WORK, Course
from autograder.errors import CourseError
from autograder.export import PACKAGE, export
from autograder.inert import write_atomically
from autograder.judge import VISIBLE, Judgement, Trial, examine
from autograder.messages import Message, case_lines, sentence
from autograder.references import foundations
from autograder.runner import observe, warm_up
from autograder.sandbox import codec
from autograder.sources import source_of
from autograder.spec import Chapter, Exercise

CHECK_SECONDS = 20
"""How long a check may run; a right function needs less than one second."""

_hints_shown: dict[str, int] = {}
_right: dict[str, Any] = {}
_seen_right: set[str] = set()
_told: set[str] = set()

_ELSEWHERE = (
    f"that happens only in a notebook under {WORK}/, where `autograder lab` puts your own copies"
)

_said: set[str] = set()
"""What `use` has said in this cell."""

if _shell := get_ipython():
    _shell.events.register("pre_run_cell", lambda info: _said.clear())

warm_up()  # better now than inside the first check


def check(target: Callable[..., Any]) -> None:
    """Judge what you built, at once.

    Args:
        target: your function or class, by name: `check(softmax)`.

    Shows which properties hold, for each that does not what was expected and what came, and the
    likely mistake. When everything holds, your function goes into `work/mytransformer/`, if the
    notebook is your own copy in `work/`.
    """
    if isinstance(target, str):
        display(Message(f"Hand over what you built, without quotes: check({target})", None))
        return
    try:
        chapter, exercise = _find(target)
    except CourseError as error:
        display(Message(sentence(str(error)), None))
        return
    namespace = _namespace(target)
    try:
        with _time_limit():
            judgement, stand_ins = judgement_of(chapter, exercise, target, namespace)
    except KeyboardInterrupt:
        display(Message(f"{exercise.id}: stopped. Is there a loop that never ends?", False))
        return
    message = _worded(exercise, judgement, stand_ins)
    if judgement.right:
        _right[exercise.id] = target
        _seen_right.add(exercise.id)
        message = Message(message.title, True, message.lines + _kept(exercise, target, namespace))
    else:
        _right.pop(exercise.id, None)
        _seen_right.discard(exercise.id)
    display(message)
    if os.environ.get("NBGRADER_EXECUTION") and not judgement.right:
        raise AssertionError(
            f"{exercise.id} is not right yet"
        )  # what nbgrader's validate looks for


def hint(target: Callable[..., Any] | str) -> None:
    """A hint for an exercise; each call tells a little more, from a nudge to nearly the answer."""
    try:
        _, exercise = _find(target)
    except CourseError as error:
        display(Message(sentence(str(error)), None))
        return
    number = min(_hints_shown.get(exercise.id, 0) + 1, len(exercise.hints))
    _hints_shown[exercise.id] = number
    title = f"Hint {number} of {len(exercise.hints)} for {exercise.id}"
    display(Message(title, None, (("", exercise.hints[number - 1]),)))


def quiz(question: str, answer: str | None = None) -> None:
    """Show a question, or answer it: `quiz("why-scale")`, then `quiz("why-scale", "b")`."""
    known = {q.id: q for name in exercises.names() for q in exercises.load(name).quizzes}
    if question not in known:
        current = _current_chapter()
        where = "The quiz cells of a chapter hold the names of its questions."
        if current:
            here = ", ".join(q.id for q in exercises.load(current).quizzes)
            where = f"{current} has {here}."
        display(Message(f"There is no question {question!r}.", None, (("", where),)))
        return
    asked = known[question]
    letters = "abcdefgh"[: len(asked.choices)]
    if answer is None:
        choices = tuple((f"{key})", c.text) for key, c in zip(letters, asked.choices, strict=True))
        how = ("", f'Answer with quiz("{question}", "a"), or another letter.')
        display(Message(asked.question, None, (*choices, how)))
        return
    key = str(answer).strip().lower().strip(")")
    if len(key) != 1 or key not in letters:
        wanted = ", ".join(letters)
        display(Message(f"The answer must be one of {wanted}, got {answer!r}.", None))
        return
    choice = asked.choices[letters.index(key)]
    title = f"{key}) is right" if choice.right else f"{key}) is not it"
    display(Message(title, choice.right, (("", choice.why),)))


def progress() -> None:
    """How far you are in this chapter; in your work folder also in the course."""
    right = _seen_right | set(_load_progress())
    title, lines = "Run a check first: then this shows how far you are.", []
    current = _current_chapter()
    if current:
        built = exercises.load(current).exercises
        points = sum(e.points for e in built if e.id in right)
        title = f"{current}: {points} of {sum(e.points for e in built)} points"
        lines = [("✓" if e.id in right else "○", f"{e.id}: {e.title}") for e in built]
    if _work() is not None:
        count = len(right & set(_all()))
        kept = f"What you have built is in {WORK}/{PACKAGE}/."
        lines.append(("", f"In the course: {count} of {len(_all())} exercises. {kept}"))
    elif not _is_instructors():
        lines.append(("", f"Nothing is saved: {_ELSEWHERE}."))
    display(Message(title, None, tuple(lines)))


def use(target: Callable[..., Any] | str) -> Any:
    """Your function when it is right, else the reference; one line says which.

    Args:
        target: your function or class of this chapter, or the name of one of an earlier chapter.
    """
    chapter, exercise = _find(target)
    if isinstance(target, str):
        return _exported(exercise)
    namespace = _namespace(target)
    if _right.get(exercise.id) is not target:
        judgement, stand_ins = judgement_of(chapter, exercise, target, namespace)
        if judgement.right and not stand_ins:
            _right[exercise.id] = target
    waiting = [name for name in _called(chapter, target) if not _stands(chapter, name, namespace)]
    if _right.get(exercise.id) is target and not waiting:
        _say_once(f"Using your {exercise.id}.")
        return target
    why = f"waiting for your {', '.join(waiting)}" if waiting else "waiting for yours"
    _say_once(f"Using the reference {exercise.id} ({why}).")
    return exercise.reference


def _say_once(words: str) -> None:
    """Print it, but once a cell: a class that calls `use` may be made a dozen times there."""
    if words not in _said:
        print(words)
    if get_ipython():
        _said.add(words)


def _called(chapter: Chapter, target: Any) -> tuple[str, ...]:
    """The exercises below this one that its code names, and those below them."""
    below = foundations(chapter, target.__name__)
    try:
        code = source_of(target)
    except ValueError:
        return below
    named = [name for name in below if re.search(rf"\b{name}\b", code)]
    return tuple(dict.fromkeys(n for name in named for n in (name, *foundations(chapter, name))))


def _stands(chapter: Chapter, name: str, namespace: dict[str, Any]) -> bool:
    """Whether an exercise below is right by itself in this session."""
    target = namespace.get(name)
    if target is None:
        return False
    if _right.get(name) is not target:
        judgement, _ = judgement_of(chapter, chapter.exercise(name), target, namespace)
        if not judgement.right:
            return False
        _right[name] = target
    return True


def _exported(exercise: Exercise) -> Any:
    work = _work()
    if work is not None and (work / PACKAGE / "__init__.py").exists():
        module = exercise.reference.__module__.removeprefix("minitransformer.").replace(".", "_")
        if str(work) not in sys.path:
            sys.path.insert(0, str(work))
        try:
            importlib.invalidate_caches()
            found = getattr(importlib.import_module(f"{PACKAGE}.{module}"), exercise.id)
        except (ImportError, AttributeError):
            found = None
        if found is not None:
            _say_once(f"Using your {exercise.id}, from {PACKAGE}.{module}.")
            return found
    _say_once(f"Using the reference {exercise.id} (yours is not in {PACKAGE} yet).")
    return exercise.reference


def _find(target: Any) -> tuple[Chapter, Exercise]:
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    if not isinstance(target, str) and name not in _all():  # a lambda, say: what is it called?
        main = sys.modules["__main__"].__dict__
        name = next((key for key in _all() if main.get(key) is target), name)
    try:
        chapter = exercises.chapter_of(name)
    except CourseError:
        wanted = "the function or class of an exercise, such as check(softmax)"
        shown = f"a {type(target).__name__}" if not name else repr(name)
        raise CourseError(f"{shown} is not an exercise; hand over {wanted}") from None
    return chapter, chapter.exercise(name)


def _all() -> list[str]:
    """The ids of all exercises of the course."""
    return [e.id for name in exercises.names() for e in exercises.load(name).exercises]


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Interrupt after `CHECK_SECONDS`, where the system can: as if the stop button was pressed."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, CHECK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _namespace(target: Any) -> dict[str, Any]:
    """The learner's globals: where the helpers of what they built live."""
    shell = sys.modules["__main__"].__dict__
    space: dict[str, Any] = getattr(target, "__globals__", shell)
    return space


def judgement_of(
    chapter: Chapter, exercise: Exercise, target: Any, namespace: dict[str, Any]
) -> tuple[Judgement, tuple[str, ...]]:
    """The judgement, and the names that references stood in for."""

    def look(asked: Exercise, trial: Trial) -> dict[str, Any]:
        space = {**namespace, asked.id: target if asked is exercise else namespace.get(asked.id)}
        fresh = codec.normal(trial.inputs)
        seen = observe(space, asked.id, trial.case.probe.__name__, fresh, asked.forbidden)
        return _crossed(seen)

    own = examine(exercise, chapter.name, VISIBLE, look)
    below = foundations(chapter, exercise.id)
    if own.right or not below:
        return own, ()
    wrong = []
    for name in reversed(below):
        with _stand_ins(namespace, chapter, tuple(wrong)):
            if (
                name not in namespace
                or not examine(chapter.exercise(name), chapter.name, VISIBLE, look).right
            ):
                wrong.append(name)
    if not wrong:
        return own, ()
    with _stand_ins(namespace, chapter, tuple(wrong)):
        again = examine(exercise, chapter.name, VISIBLE, look)
    return (again, tuple(wrong)) if again.share > own.share else (own, ())


def _crossed(seen: dict[str, Any]) -> dict[str, Any]:
    """The observation as it would have come from a worker."""
    try:
        crossed: dict[str, Any] = codec.normal(seen)
    except Exception as error:
        message = f"the result cannot be read ({error})"
        return {"error": {"type": type(error).__name__, "message": message, "line": 0, "cell": ""}}
    return crossed


@contextlib.contextmanager
def _stand_ins(
    namespace: dict[str, Any], chapter: Chapter, names: tuple[str, ...]
) -> Iterator[None]:
    """References in the learner's namespace for a moment."""
    missing = object()
    before = {name: namespace.get(name, missing) for name in names}
    namespace.update({name: chapter.exercise(name).reference for name in names})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                del namespace[name]
            else:
                namespace[name] = value


def _worded(exercise: Exercise, judgement: Judgement, stand_ins: tuple[str, ...]) -> Message:
    if judgement.not_started:
        return Message(
            f"{exercise.id}: not yet. Replace the NotImplementedError by your code.", None
        )
    if judgement.shortcut:
        called = f"{exercise.id}: this calls torch's own {judgement.shortcut}."
        text = f"{called} Building it is the exercise."
        return Message(text, False)
    held = sum(case.passed for case in judgement.cases)
    lines = case_lines(judgement.cases)
    if judgement.right:
        title = f"{exercise.id}: right. All {held} properties hold."
        lines = []
    else:
        title = f"{exercise.id}: not yet. {held} of {len(judgement.cases)} properties hold."
    if judgement.misconception:
        lines.insert(0, ("", sentence(judgement.misconception.sentence)))
    if stand_ins:
        names = ", ".join(sorted(stand_ins))
        lines.append(
            ("", f"Judged with the reference {names} in place of yours, which is not right yet.")
        )
    return Message(title, judgement.right, tuple(lines))


def _kept(
    exercise: Exercise, target: Any, namespace: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    """Export and remember, inside a learner's work folder; elsewhere say once that it is not."""
    work = _work()
    if work is None:
        return () if _is_instructors() else _once("unsaved", f"Not saved: {_ELSEWHERE}.")
    write_atomically(work / ".progress.json", json.dumps(sorted({*_load_progress(), exercise.id})))
    try:
        file = export(work, exercise, target, namespace)
    except (ValueError, OSError) as error:
        return (("", f"It could not be saved to {PACKAGE}: {error}."),)
    line = (("", f"Saved to {file.relative_to(work.parent)}."),)
    return line + _once("saved", "Later chapters take it from there.")


def _once(key: str, text: str) -> tuple[tuple[str, str], ...]:
    """A line that is shown one time in a session."""
    if key in _told:
        return ()
    _told.add(key)
    return (("", text),)


def _load_progress() -> list[str]:
    work = _work()
    file = work / ".progress.json" if work else None
    try:
        return list(json.loads(file.read_text(encoding="utf-8"))) if file and file.exists() else []
    except ValueError:
        return []


def _work() -> Path | None:
    """The learner's work folder, when this kernel runs inside it."""
    try:
        work = Course.find().work
    except CourseError:
        return None
    return work if Path.cwd().is_relative_to(work) else None


def _is_instructors() -> bool:
    """Whether this kernel runs an instructor's notebook, which saves nothing."""
    try:
        return Path.cwd().is_relative_to(Course.find().solutions)
    except CourseError:
        return False


def _current_chapter() -> str:
    """The chapter of this folder, else the last one that was worked on in this session."""
    folder = Path.cwd().name
    if folder in exercises.names():
        return folder
    worked = [
        name
        for name in exercises.names()
        if any(e.id in _seen_right for e in exercises.load(name).exercises)
    ]
    return worked[-1] if worked else ""
