"""Text files: what is read, how it is split, and what is refused."""

import pytest
import torch

from minitransformer.data.files import LabelledText, number_labels, read_labelled, read_text, split


def write(folder, data, name="text.txt"):
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_text_is_read_whole(tmp_path):
    text = "Ünïcödé, 한국어 und 🍕\n\n  two spaces\n"
    assert read_text(write(tmp_path, text.encode())) == text
    assert read_text(str(tmp_path / "text.txt")) == text


def test_line_ends_become_one_kind_and_the_byte_order_mark_goes(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path) == "one\ntwo\nthree\n"


def test_another_encoding_is_read_when_named_and_refused_when_not(tmp_path):
    path = write(tmp_path, "ein Café".encode("latin-1"))
    assert read_text(path, "latin-1") == "ein Café"
    with pytest.raises(ValueError, match=r"text.txt is not utf-8: byte 7 is 0xe9 .* 'latin-1'"):
        read_text(path)
    wide = write(tmp_path, "Café".encode("utf-16"))
    with pytest.raises(ValueError, match=r"is not utf-8: byte 0 is 0xff .* 'utf-16'"):
        read_text(wide)
    assert read_text(wide, "utf-16") == "Café"
    with pytest.raises(ValueError, match="encoding must be one that Python knows.* got 'utf8000'"):
        read_text(path, "utf8000")


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path, data):
    with pytest.raises(ValueError, match=rf"text.txt is empty \({len(data)} bytes\)"):
        read_text(write(tmp_path, data))


def test_what_is_no_text_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="zero byte at 2 and is no text file"):
        read_text(write(tmp_path, b"PK\0\0"))
    with pytest.raises(ValueError, match="is a folder, but a text file is needed"):
        read_text(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file .*missing.txt"):
        read_text(tmp_path / "missing.txt")


def test_the_first_nine_tenths_are_for_training_and_nothing_is_lost():
    text = "abcdefghijklmnopqrstuvw"
    train, validation = split(text)
    assert (len(train), len(validation)) == (20, 3) and train + validation == text
    train, validation = split(torch.arange(7), 0.5)
    assert train.tolist() == [0, 1, 2] and validation.tolist() == [3, 4, 5, 6]
    assert [len(part) for part in split(range(1_115_394))] == [1_003_854, 111_540]


def test_a_split_with_nothing_on_one_side_is_refused():
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="train_share must lie between 0 and 1"):
            split("abc", share)
    with pytest.raises(ValueError, match="1 items cannot be split 0.9 to 0.1"):
        split("a")


def test_labelled_lines_come_apart_at_the_first_separator(tmp_path):
    path = write(tmp_path, b"3 ||| A lovely film .\n\n  0|||so bad ||| so sad\r\n")
    assert read_labelled(path) == [("3", "A lovely film ."), ("0", "so bad ||| so sad")]
    tabs = write(tmp_path, b"good\tnice one\nbad\tnot nice\n")
    lines = read_labelled(tabs, separator="\t")
    assert lines[1] == LabelledText(label="bad", text="not nice")


def test_labels_are_numbered_in_their_order():
    lines = [LabelledText(label, "text") for label in ("3", "0", "3", "4")]
    assert number_labels(lines) == (["0", "3", "4"], [1, 0, 1, 2])


@pytest.mark.parametrize("line", ["no separator", "||| no label", "3 |||", "3 || typo"])
def test_a_line_of_another_shape_is_named(tmp_path, line):
    path = write(tmp_path, f"3 ||| fine\n\n{line}\n".encode())
    with pytest.raises(ValueError, match=r"line 3 of .*text.txt must be 'LABEL \|\|\| text', got"):
        read_labelled(path)


def test_a_long_line_is_cut_in_the_message(tmp_path):
    with pytest.raises(ValueError, match=r"got 'x{57}\.\.\.'"):
        read_labelled(write(tmp_path, b"x" * 5000))
