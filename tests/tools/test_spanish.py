"""What users read is in Spanish too: every text of the program has its translation, and no translation is left over."""
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPANISH = ROOT / "po" / "es.po"


class Spanish(unittest.TestCase):
    def test_every_file_with_texts_is_listed(self):
        texts = re.compile(r'\b(?:N?_|dngettext)\((?:I18N_DOMAIN, )?"')
        found = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "src").rglob("*.c"))
                 if texts.search(path.read_text(encoding="utf-8"))]
        self.assertEqual((ROOT / "po" / "POTFILES").read_text().split(), found)

    def test_every_text_has_its_translation(self):
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "runbatch.pot"
            subprocess.run(["xgettext", "--keyword=_", "--keyword=N_", "--from-code=UTF-8", "--files-from=po/POTFILES",
                            f"--output={template}"], cwd=ROOT, check=True)
            done = subprocess.run(["msgcmp", SPANISH, template], capture_output=True, text=True)
        # what is told of translations that nobody uses any more is a warning only
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_translations_take_what_the_texts_do(self):
        done = subprocess.run(["msgfmt", "--check", "--output-file=/dev/null", SPANISH], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
