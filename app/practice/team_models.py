"""Team tasks: who works together on one task, with which share and skills, and who has confirmed that."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, pk, stamp
from app.practice.models import TaskRole
from app.practice.states import TeamState

if TYPE_CHECKING:
    from app.accounts.models import Person


class Team(Model):
    """One task done by several people (团队任务). Each member has a log entry and a mark of their own; the facts of the task are
    the team's."""

    __tablename__ = "practice_team"
    id: Mapped[pk]
    lead_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    task_code: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(160))
    project: Mapped[str] = mapped_column(String(200))
    real: Mapped[bool] = mapped_column(default=True)
    counterpart: Mapped[str] = mapped_column(String(200), default="")
    host_unit: Mapped[str] = mapped_column(String(200), default="")
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    needed: Mapped[list[str]] = mapped_column(default=list, comment="codes of the skills the task needs")
    state: Mapped[TeamState] = mapped_column(default=TeamState.FORMING)
    made_at: Mapped[stamp]
    ready_at: Mapped[datetime | None]

    lead: Mapped[Person] = relationship(foreign_keys=[lead_id])
    members: Mapped[list[TeamMember]] = relationship(back_populates="team", order_by="TeamMember.id")

    @property
    def standing(self) -> list[TeamMember]:
        """The members who did not decline: whose shares count, who answer, and for whom the team stands."""
        return [one for one in self.members if one.declined_at is None]


class TeamMember(Model):
    """A member, with the share and role the lead proposes and the member confirms."""

    __tablename__ = "practice_team_member"
    __table_args__ = (
        UniqueConstraint("team_id", "person_id"),
        CheckConstraint("share > 0 AND share <= 10000", name="share_in_percent"),
        CheckConstraint("confirmed_at IS NULL OR declined_at IS NULL", name="one_answer"),
    )
    id: Mapped[pk]
    team_id: Mapped[int] = mapped_column(ForeignKey("practice_team.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[TaskRole]
    share: Mapped[Decimal] = mapped_column(comment="percent of the team's work")
    skills: Mapped[list[str]] = mapped_column(
        default=list, comment="codes of what the member brings, in their own words"
    )
    rank: Mapped[int | None] = mapped_column(comment="level the member's own entry counts for; said when confirming")
    asked_at: Mapped[stamp]
    confirmed_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(String(300), default="", comment="of a member who declined")

    team: Mapped[Team] = relationship(back_populates="members")
    person: Mapped[Person] = relationship()
