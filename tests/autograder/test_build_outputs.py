"""Nothing of the machine or the moment stays in stored outputs."""

import base64
import io

import matplotlib
import nbformat
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.build.outputs import normalise, plain_text, without_notes


def png() -> bytes:
    file = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(file, format="png")
    return file.getvalue()


def test_paths_of_the_course_become_relative(tmp_path):
    text = f'File "{tmp_path}/solutions/a.py" in {tmp_path}.'
    assert plain_text(text, tmp_path) == 'File "solutions/a.py" in ..'


def test_addresses_and_names_of_cells_lose_their_numbers(tmp_path):
    text = "<f at 0x7f354a6de730> in /tmp/ipykernel_4321/987.py, colour 0xff"
    assert plain_text(text, tmp_path) == "<f at 0x...> in <cell>, colour 0xff"


def test_a_picture_loses_the_plotting_librarys_version_and_stays_the_same_picture():
    before = png()
    after = without_notes(before)
    assert matplotlib.__version__.encode() in before
    assert matplotlib.__version__.encode() not in after
    read = matplotlib.image.imread
    assert (read(io.BytesIO(before)) == read(io.BytesIO(after))).all()


def test_bytes_that_are_no_png_are_left_alone():
    assert without_notes(b"GIF89a") == b"GIF89a"
    assert without_notes(png()[:30]).startswith(b"\x89PNG")


def test_every_kind_of_output_is_cleaned(tmp_path):
    outputs = [
        new_output("stream", text=f"{tmp_path}/x"),
        new_output("execute_result", data={"text/plain": "at 0x7f354a6de730"}, execution_count=1),
        new_output("display_data", data={"image/png": base64.b64encode(png()).decode()}),
        new_output("error", ename="E", evalue=f"{tmp_path}/x", traceback=[f"{tmp_path}/y"]),
    ]
    notebook = new_notebook(cells=[new_code_cell("1", outputs=outputs)])
    normalise(notebook, tmp_path)
    stored = nbformat.writes(notebook)
    assert str(tmp_path) not in stored and "7f354a6de730" not in stored
    picture = notebook.cells[0].outputs[2].data["image/png"]
    assert matplotlib.__version__.encode() not in base64.b64decode(picture)
    nbformat.validate(notebook)
