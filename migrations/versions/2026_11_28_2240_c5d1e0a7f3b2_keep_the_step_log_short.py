"""Keep the step log short, and the answers in force in it alone

Revision: c5d1e0a7f3b2, after 813ad9544c96
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'c5d1e0a7f3b2'
down_revision = '813ad9544c96'
branch_labels = None
depends_on = None

FATES = ("applied", "old", "empty", "late", "closed")
ANSWER = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
COLUMNS = "arrived_at, sitting_id, counter, at_ms, epoch, question, fate, answer"


def upgrade() -> None:
    codes = " ".join(f"WHEN '{fate}' THEN {code}" for code, fate in enumerate(FATES))
    op.execute(
        "CREATE TABLE sitting_step_before AS SELECT arrived_at, sitting_id, counter, at_ms, epoch, question, "  # noqa: S608
        f"CASE fate {codes} END AS fate, answer FROM sitting_step"
    )
    op.drop_table('sitting_step')
    op.create_table('sitting_step',
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sitting_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('counter', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at_ms', sa.Integer(), nullable=False, comment="by the browser's own count; evidence, never judged by"),
    sa.Column('epoch', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('question', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('fate', sa.SmallInteger(), nullable=False, comment='its place in models.FATES'),
    sa.Column('answer', ANSWER, nullable=True),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_sitting_step_sitting_id_sitting')),
    sa.PrimaryKeyConstraint('sitting_id', 'epoch', 'question', 'counter', name=op.f('pk_sitting_step')),
    sqlite_with_rowid=False
    )
    op.execute(f"INSERT INTO sitting_step ({COLUMNS}) SELECT {COLUMNS} FROM sitting_step_before ORDER BY sitting_id")  # noqa: S608
    op.drop_table('sitting_step_before')
    op.drop_table('sitting_answer')


def downgrade() -> None:
    words = " ".join(f"WHEN {code} THEN '{fate}'" for code, fate in enumerate(FATES))
    op.execute(
        "CREATE TABLE sitting_step_after AS SELECT sitting_id, epoch, question, counter, answer, at_ms, arrived_at, "  # noqa: S608
        f"CASE fate {words} END AS fate FROM sitting_step"
    )
    op.drop_table('sitting_step')
    op.create_table('sitting_step',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('question', sa.Integer(), nullable=False),
    sa.Column('counter', sa.Integer(), nullable=False),
    sa.Column('answer', ANSWER, nullable=True),
    sa.Column('at_ms', sa.Integer(), nullable=False, comment="by the browser's own count; evidence, never judged by"),
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fate', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_sitting_step_sitting_id_sitting')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sitting_step')),
    sa.UniqueConstraint('sitting_id', 'epoch', 'question', 'counter', name=op.f('uq_sitting_step_sitting_id_epoch_question_counter'))
    )
    own = "sitting_id, epoch, question, counter, answer, at_ms, arrived_at, fate"
    op.execute(f"INSERT INTO sitting_step ({own}) SELECT {own} FROM sitting_step_after ORDER BY arrived_at, sitting_id, counter")  # noqa: S608
    op.drop_table('sitting_step_after')
    op.create_table('sitting_answer',
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('question', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('counter', sa.Integer(), nullable=False),
    sa.Column('answer', ANSWER, nullable=True),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_sitting_answer_sitting_id_sitting')),
    sa.PrimaryKeyConstraint('sitting_id', 'question', name=op.f('pk_sitting_answer'))
    )
    op.execute(
        """
        INSERT INTO sitting_answer (sitting_id, question, epoch, counter, answer, saved_at)
        SELECT sitting_id, question, epoch, counter, answer, arrived_at FROM (
            SELECT step.*, row_number() OVER (PARTITION BY step.sitting_id, question ORDER BY step.epoch DESC, counter DESC) AS place
            FROM sitting_step AS step
            JOIN sitting ON sitting.id = step.sitting_id
            JOIN exam_session ON exam_session.id = sitting.session_id
            WHERE fate = 'applied' OR (fate = 'late' AND exam_session.late_counts AND answer IS NOT NULL)
        ) AS ordered WHERE place = 1
        """
    )
