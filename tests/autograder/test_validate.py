"""What the tests of the tests make of a solution."""

from autograder import exercises, validate


def test_every_method_that_a_class_has_for_others_is_disturbed():
    residual = exercises.load("03_multi_head").exercise("Residual")
    solution = (
        "class Residual:\n"
        "    def enter(self, x):\n        return x\n"
        "    def leave(self, x, change):\n        return x + change\n"
    )
    for kind in validate.DISTURBANCES:
        space = {}
        exec(validate._disturbed(solution, residual, kind), space)
        disturbed = space["Residual"]()
        assert disturbed.enter(2.0) != 2.0 and disturbed.leave(2.0, 1.0) != 3.0
