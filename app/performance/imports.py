"""The kind of sheet that performance takes: the register of technology contracts."""

from __future__ import annotations

from app.imports.kinds import kind
from app.performance.import_contracts import ContractsSheet

kind(ContractsSheet)
