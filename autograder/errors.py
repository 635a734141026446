"""Every error this package raises on purpose, on one page."""


class AutograderError(Exception):
    """The root: catch it to catch them all. The command line prints it and exits with 1."""


class CourseError(AutograderError):
    """The course's folders, chapters or configuration are not as they must be."""


class BuildError(AutograderError):
    """A chapter's source cannot be turned into notebooks; names file and line."""


class LeakError(BuildError):
    """A release would give away a solution."""


class SubmissionError(AutograderError):
    """A submitted notebook cannot be read; costs that submission only."""


class SandboxError(AutograderError):
    """The worker could not be started or broke the protocol."""


class WorkerTimeout(SandboxError):
    """The worker was stopped at its time limit."""


class NotebookTimeout(WorkerTimeout):
    """All of a notebook's exercises together had used up their time before this one's turn."""


class WorkerCrashed(SandboxError):
    """The worker died."""


class CodecError(SandboxError):
    """Bytes that came from a worker are not a message in our format."""
