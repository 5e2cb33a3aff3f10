"""``python -m bench.earlier [ROWS]``: earlier certificates by sheet, and an employer's sheet that asks for all of them.

The path is the one of ``bench.sheets``, without its undoing: what was looked up is no longer undone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from bench import sheets


def employer_sheet(step: Callable[[str, Callable[[], Any]], Any]) -> None:
    from sqlalchemy import select

    from app.accounts.models import Organisation, Person
    from app.certification.models import Certificate
    from app.core import clock
    from app.core.permissions import Role, Scope
    from app.db import db, unit_of_work
    from app.jobs.service import run_waiting
    from app.verification.sheets import start
    from tests.factories import people

    place = people.organisation(people.region(), name="渤海湾新材料有限公司").id
    clerk = people.officer(Role.EMPLOYER, Scope.ORGANISATION, place).id
    asked = [(number, name) for number, name in db.session.execute(select(Certificate.number, Certificate.holder_name))]

    def check() -> None:
        with unit_of_work():
            me = db.session.get_one(Person, clerk)
            start(asked, db.session.get_one(Organisation, place), by=me, name="x", now=clock.now())
        run_waiting()

    step("employer_sheet", check)


def main() -> int:
    if "--inside" in sys.argv:
        print(json.dumps(sheets.inside("earlier", int(sys.argv[2]), employer_sheet)))
        return 0
    told = sheets.run("earlier", int(sys.argv[1]) if len(sys.argv) > 1 else sheets.ROWS, module="bench.earlier")
    print(json.dumps(told, indent=1))
    return int(told["cpu"] > sheets.LIMITS["seconds"] or told["mb"] > sheets.LIMITS["mb"])


if __name__ == "__main__":
    sys.exit(main())
