"""The rows of one chapter in nbgrader's gradebook; only `autograder.gradebook` comes in here.

nbgrader's own methods commit and search once per row, which takes minutes for a large class. The
few rows that describe a chapter are made with its classes one by one; the many that describe
submissions are compared with what is there and written in bulk.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
from alembic.script import ScriptDirectory
from nbgrader.api import (
    Assignment,
    Base,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    new_uuid,
)
from nbgrader.utils import compute_checksum, is_locked
from sqlalchemy import (
    Column,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    insert,
    select,
    update,
)

from autograder.results import ExerciseResult
from autograder.spec import Chapter, Exercise

Records = Sequence[ExerciseResult]
COMMENTS = {
    "correct": None,
    "missing": "No response.",
    "partial": "Some properties hold and some do not yet; the check cell below lists them.",
    "wrong": "This does not hold yet; the check cell below lists what was tried.",
    "timeout": "This ran longer than the time allowed.",
    "crashed": "The process ended while this ran.",
    "refused": "This was not graded; the check cell below says why.",
}


def create(file: Path) -> None:
    """A new gradebook, whole or not at all. nbgrader's own way takes a program and several steps.

    Raises:
        OSError, sqlalchemy.exc.SQLAlchemyError: it cannot be written there.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".draft-{os.getpid()}-{new_uuid()}")
    migrations = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
    engine = create_engine(f"sqlite:///{draft}")
    try:
        Base.metadata.create_all(engine)
        with engine.begin() as connection:
            column = Column("version_num", String(32), nullable=False)
            version = Table("alembic_version", MetaData(), column)
            version.create(connection)
            connection.execute(insert(version), {"version_num": migrations.get_current_head()})
        engine.dispose()
        os.replace(draft, file)
    finally:
        engine.dispose()
        draft.unlink(missing_ok=True)


def fill(
    gradebook: Gradebook, chapter: Chapter, results: Mapping[str, Records], release: Any | None
) -> None:
    """Write one chapter's results; the caller commits.

    Args:
        gradebook: open, in a transaction.
        chapter: whose exercises become grade and solution cells.
        results: a complete list of records by student id.
        release: the release notebook, or None to keep the source cells that are there.
    """
    db = gradebook.db
    notebook = _notebook(db, chapter, gradebook.course_id)
    _drop_old_cells(db, chapter, notebook)
    checks = _cells(db, chapter, notebook)
    _source_cells(db, chapter, notebook, release)
    db.flush()
    submitted = _submissions(db, notebook, list(results))
    _grades(db, notebook, checks, submitted, results)
    _comments(db, notebook, chapter, submitted, results)


def _notebook(db: Any, chapter: Chapter, course_id: str) -> Notebook:
    assignment = db.scalar(select(Assignment).where(Assignment.name == chapter.name))
    if assignment is None:
        assignment = Assignment(name=chapter.name, course_id=course_id)
        db.add(assignment)
        db.flush()
    wanted = (Notebook.name == chapter.name, Notebook.assignment_id == assignment.id)
    notebook = db.scalar(select(Notebook).where(*wanted))
    if notebook is None:
        notebook = Notebook(name=chapter.name, assignment=assignment)
        db.add(notebook)
        db.flush()
    return notebook


def _cells(db: Any, chapter: Chapter, notebook: Notebook) -> dict[str, str]:
    """Make what is missing; hand back the id of each exercise's grade cell."""
    grade = {cell.name: cell for cell in notebook.grade_cells}
    solution = {cell.name for cell in notebook.solution_cells}
    for exercise in chapter.exercises:
        name = f"{exercise.id}_check"
        if name not in grade:
            grade[name] = GradeCell(
                name=name, notebook=notebook, cell_type="code", max_score=float(exercise.points)
            )
            db.add(grade[name])
        grade[name].max_score = float(exercise.points)
        if exercise.id not in solution:
            db.add(SolutionCell(name=exercise.id, notebook=notebook))
    db.flush()
    return {exercise.id: grade[f"{exercise.id}_check"].id for exercise in chapter.exercises}


def _drop_old_cells(db: Any, chapter: Chapter, notebook: Notebook) -> None:
    """Exercises that left the chapter lose their automatic scores, and their cells unless a
    person has marked or commented there."""
    current = {exercise.id for exercise in chapter.exercises}
    old = {
        cell.name.removesuffix("_check")
        for cell in notebook.grade_cells
        if cell.name.endswith("_check") and cell.cell_type == "code"
    } - current
    names = old | {f"{exercise}_check" for exercise in old}
    for cell in [*notebook.grade_cells, *notebook.solution_cells]:
        if cell.name not in names:
            continue
        by_hand = Grade.manual_score.is_not(None) | Grade.extra_credit.is_not(None)
        db.execute(delete(Grade).where(Grade.cell_id == cell.id, ~by_hand))
        no_words = Comment.manual_comment.is_(None)
        db.execute(delete(Comment).where(Comment.cell_id == cell.id, no_words))
        db.execute(update(Grade).where(Grade.cell_id == cell.id).values(auto_score=None))
        tables = (Grade, Comment)
        if not any(db.scalar(select(t.id).where(t.cell_id == cell.id)) for t in tables):
            db.delete(cell)
    for source in [cell for cell in notebook.source_cells if cell.name in names]:
        db.delete(source)
    db.flush()
    db.expire(notebook)


def _source_cells(db: Any, chapter: Chapter, notebook: Notebook, release: Any | None) -> None:
    """The cells that nbgrader restores from: the release's, or at least the checks, which we know.

    Without a release, cells that `nbgrader generate_assignment` stored are left as they are.
    """
    stored = {cell.name: cell for cell in notebook.source_cells}
    found = {}
    for cell in nbformat.from_dict(release).cells if release else ():
        found[cell.metadata.get("nbgrader", {}).get("grade_id")] = cell
    for exercise in chapter.exercises:
        for name in (exercise.id, f"{exercise.id}_check"):
            cell = found.get(name)
            if cell is None and name in stored:
                continue
            cell = cell or _known_cell(exercise, name)
            row = stored.get(name) or SourceCell(name=name, notebook=notebook)
            row.cell_type, row.source, row.locked = cell.cell_type, cell.source, is_locked(cell)
            row.checksum = compute_checksum(cell) if is_locked(cell) or release else None
            db.add(row)


def _known_cell(exercise: Exercise, name: str) -> Any:
    check = name != exercise.id
    settings = {"grade_id": name, "grade": check, "solution": not check, "locked": check}
    points = {"points": exercise.points} if check else {}
    metadata = {"nbgrader": {**settings, **points, "schema_version": 3}}
    return nbformat.v4.new_code_cell(f"check({exercise.id})" if check else "", metadata=metadata)


def _submissions(db: Any, notebook: Notebook, students: list[str]) -> dict[str, str]:
    """Make the students and submissions that are missing; student → submitted notebook's id."""
    there = set(db.scalars(select(Student.id)))
    _insert(db, Student, [{"id": student} for student in students if student not in there])

    of_assignment = SubmittedAssignment.assignment_id == notebook.assignment_id
    columns = (SubmittedAssignment.student_id, SubmittedAssignment.id)
    turned_in = {student: key for student, key in db.execute(select(*columns).where(of_assignment))}
    new = {student: new_uuid() for student in students if student not in turned_in}
    rows = [
        {"id": key, "assignment_id": notebook.assignment_id, "student_id": student}
        for student, key in new.items()
    ]
    _insert(db, SubmittedAssignment, rows)
    turned_in |= new

    of_notebook = SubmittedNotebook.notebook_id == notebook.id
    columns = (SubmittedNotebook.assignment_id, SubmittedNotebook.id)
    copies = {owner: key for owner, key in db.execute(select(*columns).where(of_notebook))}
    rows = [
        {"id": new_uuid(), "notebook_id": notebook.id, "assignment_id": turned_in[student]}
        for student in students
        if turned_in[student] not in copies
    ]
    _insert(db, SubmittedNotebook, rows)
    copies |= {row["assignment_id"]: row["id"] for row in rows}
    return {student: copies[turned_in[student]] for student in students}


def _grades(
    db: Any,
    notebook: Notebook,
    checks: Mapping[str, str],
    submitted: Mapping[str, str],
    results: Mapping[str, Records],
) -> None:
    query = select(Grade.cell_id, Grade.notebook_id, Grade.id, Grade.manual_score)
    query = query.join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
    query = query.where(SubmittedNotebook.notebook_id == notebook.id)
    there = {(cell, copy): (key, manual) for cell, copy, key, manual in db.execute(query)}
    new, changed = [], []
    for student, records in results.items():
        for record in records:
            cell, copy = checks[record.exercise], submitted[student]
            key, manual = there.get((cell, copy), (None, None))
            marks = {"auto_score": record.score, "needs_manual_grade": manual is not None}
            if key:
                changed.append({"id": key, **marks})
            else:
                new.append({"id": new_uuid(), "cell_id": cell, "notebook_id": copy, **marks})
    _insert(db, Grade, new)
    if changed:
        db.execute(update(Grade), changed)


def _comments(
    db: Any,
    notebook: Notebook,
    chapter: Chapter,
    submitted: Mapping[str, str],
    results: Mapping[str, Records],
) -> None:
    cells = {cell.name: cell.id for cell in notebook.solution_cells}
    query = select(Comment.cell_id, Comment.notebook_id, Comment.id)
    query = query.join(BaseCell, BaseCell.id == Comment.cell_id)
    query = query.where(BaseCell.notebook_id == notebook.id)
    there = {(cell, copy): key for cell, copy, key in db.execute(query)}
    new, changed = [], []
    for student, records in results.items():
        for record in records:
            cell, copy = cells[record.exercise], submitted[student]
            words = {"auto_comment": _comment(chapter, record)}
            if (cell, copy) in there:
                changed.append({"id": there[cell, copy], **words})
            else:
                new.append({"id": new_uuid(), "cell_id": cell, "notebook_id": copy, **words})
    _insert(db, Comment, new)
    if changed:
        db.execute(update(Comment), changed)


def _comment(chapter: Chapter, record: ExerciseResult) -> str | None:
    """Our own words only: nbgrader renders comments as markdown, unescaped."""
    for misconception in chapter.exercise(record.exercise).misconceptions:
        if misconception.id == record.misconception:
            return misconception.sentence
    return COMMENTS[record.status]


def _insert(db: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.execute(insert(table), rows)
