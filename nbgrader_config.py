"""This repository is an nbgrader course: run nbgrader's own commands from here.

Sources are in solutions/, releases in notebooks/; everything that commands produce at run time
(submissions, gradebook, feedback) is in .course/, which git ignores.
"""

import os
import sysconfig
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import preprocessors as steps

from autograder.nbgrader_plugin import STUB, ForgetBuildNotes, Judge, StartFromBug

c = get_config()  # noqa: F821  (traitlets gives it to configuration files)

root = Path(__file__).resolve().parent
runtime = root / ".course"
runtime.mkdir(exist_ok=True)

# nbgrader calls `alembic` by name; it stands beside our Python, perhaps not in PATH.
scripts = sysconfig.get_path("scripts")
if scripts not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "minitransformer"
c.CourseDirectory.db_url = f"sqlite:///{runtime / 'gradebook.db'}"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = ".course/submitted"
c.CourseDirectory.autograded_directory = ".course/autograded"
c.CourseDirectory.feedback_directory = ".course/feedback"
c.CourseDirectory.solution_directory = ".course/solution"

# A chapter is one notebook. No other file travels: not from solutions/ to a release, and not
# from a submission, where a torch.py would be imported in place of the real one.
c.CourseDirectory.ignore = ["*"]

# There is no shared folder through which assignments are handed out.
c.Exchange.root = str(runtime / "exchange")

c.ClearSolutions.code_stub = {"python": STUB}

# nbgrader's own list, with our two steps. StartFromBug comes right after ClearSolutions, whose
# stub it replaces, and before the checksum of the released cell is taken.
c.GenerateAssignment.preprocessors = [
    steps.IncludeHeaderFooter,
    steps.InstantiateTests,
    steps.LockCells,
    steps.ClearSolutions,
    StartFromBug,
    steps.ClearOutput,
    ForgetBuildNotes,
    steps.CheckCellMetadata,
    steps.ComputeChecksums,
    steps.SaveCells,
    steps.ClearHiddenTests,
    steps.ClearMarkScheme,
    steps.ComputeChecksums,
    steps.CheckCellMetadata,
]

# nbgrader's own list, with our judge in place of Execute: a learner's code never runs in a
# process that holds scores.
c.Autograde.autograde_preprocessors = [
    Judge,
    steps.IgnorePattern,
    ClearMetadataPreprocessor,
    steps.LimitOutput,
    steps.SaveAutoGrades,
    steps.AssignLatePenalties,
    steps.CheckCellMetadata,
]
