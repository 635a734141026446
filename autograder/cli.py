"""The command line: the only module that prints or exits.

Exit codes: 0 done (a bad notebook is a result), 1 the run itself failed, 2 wrong usage.
"""

import contextlib
import enum
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.sandbox.warm import Warm

app = typer.Typer(
    help="Build, check and grade the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()


class Device(enum.StrEnum):
    """Where submissions' functions run."""

    cpu = "cpu"
    cuda = "cuda"


SIGNS = {
    "correct": "✓",
    "partial": "◐",
    "wrong": "✗",
    "missing": "·",
    "timeout": "⏱",
    "crashed": "!",
    "refused": "∅",
}


def main() -> None:
    """Entry point: our own errors become one line and exit code 1."""
    try:
        app()
    except AutograderError as error:
        Console(stderr=True).print(Text(f"error: {error}", style="red"))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        gc.freeze()  # the interpreter's last search for garbage would walk all of torch


@app.command()
def build(
    chapter: Annotated[list[str] | None, typer.Option(help="Only these chapters.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if something would.")
    ] = False,
) -> None:
    """Build the notebooks from solutions/NN_topic.py."""
    from autograder.build import build as build_chapters
    from autograder.build import stale

    course = Course.find()
    if check:
        findings = stale(course, chapter)
        for line in findings:
            console.print(Text(line))
        if findings:
            raise AutograderError("the notebooks are not current; run: make notebooks")
        console.print("The notebooks are what their sources make.")
        return
    written = build_chapters(course, chapter, say=lambda line: console.print(Text(line)))
    for path in written:
        console.print(Text(f"wrote {path.relative_to(course.root)}"))
    if not written:
        console.print("The notebooks are current.")


@app.command()
def lab(
    chapter: Annotated[
        str | None, typer.Argument(help="Which chapter to open; the first by default.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="JupyterLab's port.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open your own copies of the chapters in JupyterLab; copies are never overwritten."""
    from autograder import lab as copies

    course = Course.find()
    for path in copies.copy_releases(course):
        console.print(Text(f"made {path.relative_to(course.root)}"))
    for name in copies.behind(course):
        console.print(
            Text(f"{name} has newer text or checks: autograder update {name} keeps your answers")
        )
    options = [f"--port={port}"] if port else []
    options += [] if browser else ["--no-browser"]
    first = chapter or next(iter(course.chapters()), "")
    command = copies.lab_command(course, first, options)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    raise SystemExit(
        subprocess.run(command, env={**os.environ, "PATH": path}, check=False).returncode
    )


@app.command()
def update(
    chapter: Annotated[
        list[str] | None, typer.Argument(help="Which chapters; all work copies by default.")
    ] = None,
) -> None:
    """Bring new text and checks into your work copies and keep your answers."""
    from autograder import lab as copies

    course = Course.find()
    for name in chapter or [n for n in course.chapters() if course.work_copy(n).exists()]:
        backup = copies.update(course, name)
        said = f"updated; as it was: {backup.relative_to(course.root)}" if backup else "is current"
        console.print(Text(f"{name} {said}"))


@app.command()
def grade(
    submitted: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Folder of <student>/<chapter>/<chapter>.ipynb; a sample class by default.",
        ),
    ] = None,
    assignment: Annotated[str | None, typer.Option(help="Only this chapter.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where results go; .course/ by default.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Judge processes; all cores by default.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, tcp://…, instead of this machine's cores.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where submissions' functions run.")] = Device.cpu,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Grade although a wall is missing; see doctor.")
    ] = False,
) -> None:
    """Grade a folder of submissions: grades.csv, report, feedback, gradebook."""
    gc.disable()  # an import makes no garbage worth a search
    _walls(unsafe, device)
    with contextlib.ExitStack() as until_done:
        # on this machine: workers' process imports torch while this one does
        warm = until_done.enter_context(Warm()) if scheduler is None else None
        _grade(submitted, assignment, out, jobs, scheduler, device, warm)


def _grade(
    submitted: Path | None,
    assignment: str | None,
    out: Path | None,
    jobs: int | None,
    scheduler: str | None,
    device: Device,
    warm: Warm | None,
) -> None:
    from autograder import grade as grading
    from autograder.jobs import limits

    gc.freeze()
    gc.enable()
    if scheduler is None:
        limits(device.value)

    course = Course.find()
    place = out or course.runtime
    if submitted is None:
        submitted = grading.begin_sample(course, place)
        console.print("No folder was given: grading the sample class.")
    elif submitted.resolve() != (place / "submitted").resolve():
        grading.forget_sample(place)
    _, own_secret = grading.secret_of(course)
    if not own_secret:
        how = f"set {grading.SECRET_VARIABLE} or write .course/secret"
        console.print(
            "Hidden inputs come from the default secret, which everybody can know; "
            f"for marks that count, {how}."
        )
    found = grading.find_jobs(course, submitted, assignment, device.value)
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("grading", total=len(found))
        written = grading.grade(
            course,
            found,
            place,
            jobs,
            lambda result: bar.update(task, advance=1, refresh=True),
            scheduler,
            warm,
        )
    _marks(written.results)
    console.print(f"Grades:   {written.grades}", soft_wrap=True, markup=False)
    console.print(f"Report:   {written.report}", soft_wrap=True, markup=False)
    book = f"Gradebook for nbgrader's formgrader: {written.gradebook}"
    console.print(book, soft_wrap=True, markup=False)


def _walls(unsafe: bool, device: Device) -> None:
    """Refuse without the base walls; say aloud what else is missing."""
    if device is Device.cuda and not unsafe:
        raise AutograderError(
            "a GPU's driver cannot be used behind the walls: with --device cuda submissions can "
            "read and change your files. Grade with --device cpu; or, with --unsafe, only work "
            "that you would run yourself"
        )
    from autograder.sandbox import walls

    standing = walls.standing()
    missing = [wall.name for wall in standing if wall.base and not wall.stands]
    if missing and not unsafe:
        walls.require(standing)
    if missing:
        text = (
            f"UNSAFE: {'; '.join(missing)}: missing here. Submissions can read and change "
            "whatever you can. Grade only work that you would run yourself."
        )
        console.print(Text(text, style="bold red"))
    absent = [wall.name for wall in standing if not wall.base and not wall.stands]
    if absent and not missing:
        text = f"The base walls stand; what this system does not allow: {', '.join(absent)}."
        console.print(Text(text))


def _marks(results: Iterable) -> None:
    from autograder.inert import flat

    table = Table("student", "chapter", "points", "exercises", title="Marks")
    for result in results:
        signs = "".join(SIGNS[exercise.status] for exercise in result.exercises)
        points = f"{result.score:g} of {result.max_score:g}"
        table.add_row(Text(flat(result.student, 40)), result.assignment, points, signs)
    console.print(table)
    console.print("  ".join(f"{sign} {name}" for name, sign in SIGNS.items()))


@app.command()
def check(
    notebook: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A notebook of this course.")
    ],
) -> None:
    """Judge one notebook on the visible inputs, as its check cells do, in the sandbox."""
    from autograder import exercises
    from autograder.jobs import Job, grade_one
    from autograder.judge import VISIBLE
    from autograder.sandbox import Server

    course = Course.find()
    chapter = notebook.stem
    if chapter not in exercises.names():
        raise AutograderError(
            f"{notebook.name} is not a chapter; expected one of {', '.join(exercises.names())}"
        )
    with Server() as server:
        job = Job("you", chapter, notebook.resolve(), course.release(chapter), VISIBLE)
        result = grade_one(job, server).result
    table = Table(
        "exercise", "points", "", "", title=f"{result.score:g} of {result.max_score:g} points"
    )
    for one in result.exercises:
        table.add_row(
            one.exercise, f"{one.score:g}/{one.max_score:g}", SIGNS[one.status], Text(one.message)
        )
    console.print(table)


@app.command()
def validate(
    chapter: Annotated[list[str] | None, typer.Option(help="Only these chapters.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The tests of the tests: every exercise is judged as its specification promises."""
    from autograder import exercises
    from autograder.validate import COUNTS
    from autograder.validate import validate as tallies

    course = Course.find()
    names = chapter or list(exercises.names())
    total = sum(len(exercises.load(name).exercises) for name in names)
    columns = (TextColumn("validating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    found = []
    with Progress(
        *columns, console=Console(stderr=True), transient=True, auto_refresh=False
    ) as bar:
        task = bar.add_task("", total=total)
        for tally in tallies(course, names):
            found.append(tally)
            bar.update(task, advance=1, refresh=True)
    order = [exercise.id for name in names for exercise in exercises.load(name).exercises]
    found.sort(key=lambda tally: order.index(tally.exercise))
    gaps = [gap for tally in found for gap in tally.gaps]
    if as_json:
        rows = [
            {"chapter": t.chapter, "exercise": t.exercise, "held": t.held, "tried": t.tried}
            for t in found
        ]
        print(json.dumps({"exercises": rows, "gaps": gaps}, indent=1))
    else:
        table = Table("exercise", *COUNTS)
        for tally in found:
            cells = (f"{tally.held[c]}/{tally.tried[c]}" for c in COUNTS)
            table.add_row(tally.exercise, *cells)
        sums = (f"{sum(t.held[c] for t in found)}/{sum(t.tried[c] for t in found)}" for c in COUNTS)
        table.add_section()
        table.add_row(f"all {len(found)}", *sums)
        console.print(table)
        for gap in gaps:
            console.print(Text(gap, style="red"))
    if gaps:
        raise AutograderError(f"{len(gaps)} gaps")


@app.command()
def progress() -> None:
    """How far you are, from the checks that passed in your work folder."""
    from autograder import exercises

    course = Course.find()
    file = course.work / ".progress.json"
    right = set(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else set()
    table = Table("chapter", "exercises", "points")
    for name in exercises.names():
        all_ = exercises.load(name).exercises
        done = [e for e in all_ if e.id in right]
        points = f"{sum(e.points for e in done)} of {sum(e.points for e in all_)}"
        table.add_row(name, f"{len(done)} of {len(all_)}", points)
    console.print(table)


@app.command()
def export(
    out: Annotated[
        Path | None, typer.Option(help="The CSV file; .course/marks.csv by default.")
    ] = None,
    gradebook: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A gradebook.db.")
    ] = None,
) -> None:
    """Write the marks as they stand in the gradebook, manual grading included."""
    from autograder.exports import export_marks

    course = Course.find()
    database = gradebook or course.runtime / "gradebook.db"
    if not database.exists():
        raise AutograderError(f"there is no gradebook at {database}; run: autograder grade")
    path = out or course.runtime / "marks.csv"
    rows = export_marks(f"sqlite:///{database.resolve()}", path)
    console.print(f"{rows} rows: {path}", soft_wrap=True, markup=False)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """What stands between a submission and this machine, and what does not."""
    from autograder.sandbox import walls

    standing = walls.standing()
    if as_json:
        print(json.dumps({wall.name: wall.stands for wall in standing}, indent=1))
        return
    for title, base in (("Without these, grade refuses:", True), ("On top of them:", False)):
        console.print(title)
        for wall in standing:
            if wall.base == base:
                console.print(f"  {'✓' if wall.stands else '✗'} {wall.name}")
    if all(wall.stands for wall in standing if wall.base):
        console.print("A class can be graded here.")
    else:
        console.print(
            "A class cannot be graded here: use Linux 5.13 or later, a container or a virtual "
            "machine of it. Your own work can be checked all the same."
        )


if __name__ == "__main__":
    main()
