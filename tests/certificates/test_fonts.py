import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from certificates.fonts import FontsMissing, find_sources, prepare


def test_rare_characters_of_names_have_glyphs(letters):
    assert letters.missing_glyphs("王芳𠮷䶮㐂𪛖阿卜杜热西提·买买提 Zoë O'Neill-Brown（补发）No. 12—34\n") == set()


def test_all_of_gb2312_is_covered(letters):
    pairs = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    han = "".join(pair.decode("gb2312", errors="ignore") for pair in pairs)
    assert len(han) == 6763
    assert letters.missing_glyphs(han) == set()


def test_the_blocks_in_which_names_are_written_are_covered(letters):
    assert letters.missing_glyphs("".join(map(chr, range(0x4E00, 0x9FA6)))) == set()
    assert letters.missing_glyphs("".join(map(chr, range(0x3400, 0x4DB6)))) == set()


@pytest.mark.parametrize("character", ["\ue863", "\U000f0000", "\ufffe", "\u0627", "\U0001f600", "\U0003134a", "\x00"])
def test_what_cannot_be_drawn_is_named(letters, character):
    assert letters.missing_glyphs(f"王{character}") == {character}


def test_figures_are_of_one_width(letters):
    for weight in ("regular", "bold"):
        assert len({letters.width(digit, weight) for digit in "0123456789"}) == 1


def test_prepared_once_and_found_again(letters):
    again = prepare(letters.folder.parent)
    assert again == letters and again.identity == letters.folder.name
    assert not list(letters.folder.parent.glob(".making-*"))
    assert json.loads((letters.folder / "coverage.json").read_text())["ranges"]


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "NotoSerifCJK-Regular.ttc").touch()
    (tmp_path / "NotoSerifCJK-Bold.ttc").touch()
    with pytest.raises(FontsMissing) as refusal:
        find_sources([tmp_path])
    assert refusal.value.packages == ("fonts-hanazono",)
    assert "HanaMinA.ttf" in str(refusal.value)


def test_the_web_process_stays_slim():
    """Asking for coverage and importing the renderer must not load the libraries that only the worker needs."""
    heavy = "{'weasyprint', 'fontTools', 'pikepdf', 'PIL', 'segno', 'jinja2'}"
    code = f"import sys, certificates.rendering, certificates.fonts; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_nothing_is_written_where_the_process_stands(letters, tmp_path):
    """fontconfig keeps its cache beside the fonts; a relative folder would appear in the working directory."""
    code = f"""
import sys; from pathlib import Path
from certificates import fonts, rendering, samples
rendering.certificate_pdf(samples.certificate(), typefaces=fonts.fonts(Path({str(letters.folder.parent)!r})))
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": str(root)})
    assert list(tmp_path.iterdir()) == []
