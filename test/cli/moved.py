"""A case that goes on for years: the service gets a new version again and again, by vote, and on each
of them the case is brought over and decided anew."""
import json
import shutil
import time

from town import SOURCES, Town

SMALL = SOURCES / "test/data/service/small"


class Moved(Town):
    VERSIONS = 3

    @classmethod
    def people(cls):
        cls.hire("admin", "li", "clerk")
        cls.hire("admin", "citizen", "applicant")
        folder = cls.work / "small"
        shutil.copytree(SMALL, folder)
        (folder / "scenario.yaml").unlink()
        cls.change(folder / "process.bpmn", 'sourceRef="waiting" targetRef="sign"',
                   'sourceRef="waiting" targetRef="check"')
        for number in range(1, cls.VERSIONS + 1):
            cls.bring(folder, number)

    @staticmethod
    def change(path, old, new):
        text = path.read_text(encoding="utf-8")
        assert old in text, (path, old)
        path.write_text(text.replace(old, new), encoding="utf-8")

    @classmethod
    def passes(cls, *args):
        made = json.loads(cls.act("admin", "service", *args, "--yes", "--json").stdout)
        assert made.get("deployed", made.get("status") == "passed"), made

    @classmethod
    def bring(cls, folder, number):
        """Version 1.`number`, on which the case decides that papers are wanting, once more."""
        if number == 1:
            cls.change(folder / "service.yaml", 'version: "1.0"', 'version: "1.1"')
            cls.passes("deploy", folder)
            cls.act("citizen", "case", "open", "small-permit", "--id", "c1")
        else:
            before, now = f"1.{number - 1}", f"1.{number}"
            cls.change(folder / "service.yaml", f'"{before}"', f'"{now}"')
            cls.passes("deploy", folder)
            cls.passes("migrate", "small-permit", "--from", before, "--to", now)
            until = time.time() + 20
            while cls.ask("case", "show", "c1")["version"] != now:
                assert time.time() < until, f"still not on {now}"
                time.sleep(0.02)
            cls.act("citizen", "case", "message", "c1", "more-papers")
        cls.act("li", "task", "complete", "c1/check", "--set", f"area={9000 + number}")

    @classmethod
    def bundle(cls):
        path = cls.work / "c1.qfb"
        cls.run_one("bundle", "--case", "c1", "--node", cls.url, "-o", path)
        return path
