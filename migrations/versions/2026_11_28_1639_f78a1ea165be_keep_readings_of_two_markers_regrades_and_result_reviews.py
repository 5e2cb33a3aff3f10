"""Keep readings of two markers, regrades and result reviews

Revision: f78a1ea165be, after a0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'f78a1ea165be'
down_revision = 'a0030'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('regrade',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('revision_id', sa.Integer(), nullable=True, comment='as on the papers'),
    sa.Column('to_revision_id', sa.Integer(), nullable=True, comment='KEY: marked by this'),
    sa.Column('answer', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True, comment='ACCEPT: the answer, as answers are kept'),
    sa.Column('rule', sa.String(length=40), nullable=True, comment='RULE: the rule for multiple choice'),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.Column('proposed_by_id', sa.Integer(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('remark', sa.Text(), nullable=False, comment='of the second person'),
    sa.CheckConstraint("(kind = 'rule') = (revision_id IS NULL)", name=op.f('ck_regrade_about_a_question_or_the_rule')),
    sa.CheckConstraint("decided_by_id IS NULL OR decided_by_id <> proposed_by_id OR state = 'dropped'", name=op.f('ck_regrade_two_people')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_regrade_decided_by_id_person')),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_regrade_job_id_job')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['person.id'], name=op.f('fk_regrade_proposed_by_id_person')),
    sa.ForeignKeyConstraint(['revision_id'], ['question_revision.id'], name=op.f('fk_regrade_revision_id_question_revision')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_regrade_session_id_exam_session')),
    sa.ForeignKeyConstraint(['to_revision_id'], ['question_revision.id'], name=op.f('fk_regrade_to_revision_id_question_revision')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_regrade'))
    )
    with op.batch_alter_table('regrade', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_regrade_session_id'), ['session_id'], unique=False)
        batch_op.create_index('uq_regrade_one_open', ['session_id'], unique=True, sqlite_where=sa.text("state IN ('counting', 'proposed', 'applying')"), postgresql_where=sa.text("state IN ('counting', 'proposed', 'applying')"))

    op.create_table('regrade_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('regrade_id', sa.Integer(), nullable=False),
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('score_before', sa.BigInteger(), nullable=False),
    sa.Column('maximum_before', sa.BigInteger(), nullable=False),
    sa.Column('passed_before', sa.Boolean(), nullable=False),
    sa.Column('score_after', sa.BigInteger(), nullable=False),
    sa.Column('maximum_after', sa.BigInteger(), nullable=False),
    sa.Column('passed_after', sa.Boolean(), nullable=False),
    sa.Column('applied_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['regrade_id'], ['regrade.id'], name=op.f('fk_regrade_change_regrade_id_regrade')),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_regrade_change_sitting_id_sitting')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_regrade_change')),
    sa.UniqueConstraint('regrade_id', 'sitting_id', name=op.f('uq_regrade_change_regrade_id_sitting_id'))
    )
    with op.batch_alter_table('regrade_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_regrade_change_sitting_id'), ['sitting_id'], unique=False)

    op.create_table('result_appeal',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False, comment='last day for the answer'),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('looked_by_id', sa.Integer(), nullable=True),
    sa.Column('looked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('look', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='place → part → {points, limits}, blind'),
    sa.Column('look_remark', sa.Text(), nullable=False, comment='to the office'),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(length=40), nullable=True),
    sa.Column('finding', sa.Text(), nullable=False, comment='the reason, as the candidate reads it'),
    sa.Column('score_before', sa.BigInteger(), nullable=True),
    sa.Column('score_after', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('(outcome IS NULL) = (decided_at IS NULL)', name=op.f('ck_result_appeal_decided_with_outcome')),
    sa.CheckConstraint('decided_by_id IS NULL OR looked_by_id IS NULL OR decided_by_id <> looked_by_id', name=op.f('ck_result_appeal_two_people')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_result_appeal_decided_by_id_person')),
    sa.ForeignKeyConstraint(['looked_by_id'], ['person.id'], name=op.f('fk_result_appeal_looked_by_id_person')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_result_appeal_session_id_exam_session')),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_result_appeal_sitting_id_sitting')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_result_appeal')),
    sa.UniqueConstraint('sitting_id', name=op.f('uq_result_appeal_sitting_id'))
    )
    with op.batch_alter_table('result_appeal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_result_appeal_looked_by_id'), ['looked_by_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_result_appeal_session_id'), ['session_id'], unique=False)
        batch_op.create_index('ix_result_appeal_state_due_on', ['state', 'due_on'], unique=False)

    op.create_table('marking_reading',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('marker_id', sa.Integer(), nullable=False),
    sa.Column('third', sa.Boolean(), nullable=False, comment='asked for because the first two differed too much'),
    sa.Column('points', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='for each line of the rubric, decimals as text'),
    sa.Column('limits', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='the most each line gives'),
    sa.Column('remark', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['marker_id'], ['person.id'], name=op.f('fk_marking_reading_marker_id_person')),
    sa.ForeignKeyConstraint(['task_id'], ['marking_task.id'], name=op.f('fk_marking_reading_task_id_marking_task')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_marking_reading')),
    sa.UniqueConstraint('task_id', 'marker_id', name=op.f('uq_marking_reading_task_id_marker_id'))
    )
    with op.batch_alter_table('marking_reading', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_marking_reading_marker_id'), ['marker_id'], unique=False)

    with op.batch_alter_table('exam_session', schema=None) as batch_op:
        batch_op.add_column(sa.Column('markers', sa.Integer(), server_default='1', nullable=False, comment='people who mark each written answer, blind to each other: 1 or 2'))

    with op.batch_alter_table('marking_task', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revision_id', sa.Integer(), nullable=True, comment='the question, which stands at another place on every paper'))
        batch_op.add_column(sa.Column('wanted', sa.Integer(), server_default='1', nullable=False, comment='3 once two markers differ too much'))
        batch_op.create_foreign_key(batch_op.f('fk_marking_task_revision_id_question_revision'), 'question_revision', ['revision_id'], ['id'])

    _fill_in()


def _fill_in() -> None:
    """Tasks from before get their question, and what was marked then becomes the reading of its marker."""
    bind = op.get_bind()
    task = sa.table('marking_task', *(sa.column(name) for name in (
        'id', 'sitting_id', 'question', 'mark_id', 'marker_id', 'done_at', 'revision_id')))
    sitting = sa.table('sitting', sa.column('id'), sa.column('entries', sa.JSON))
    mark = sa.table('mark', sa.column('id'), sa.column('working', sa.JSON), sa.column('at', sa.DateTime(timezone=True)))
    reading = sa.table('marking_reading', sa.column('task_id'), sa.column('marker_id'), sa.column('third', sa.Boolean),
                       sa.column('points', sa.JSON), sa.column('limits', sa.JSON), sa.column('remark'),
                       sa.column('at', sa.DateTime(timezone=True)))
    rows = bind.execute(
        sa.select(task.c.id, task.c.question, task.c.marker_id, sitting.c.entries, mark.c.working, mark.c.at)
        .select_from(task.join(sitting, sitting.c.id == task.c.sitting_id)
                     .outerjoin(mark, mark.c.id == task.c.mark_id))
        .order_by(task.c.id)
    ).all()
    for row in rows:
        if 0 < row.question <= len(row.entries or []):
            bind.execute(sa.update(task).where(task.c.id == row.id)
                         .values(revision_id=row.entries[row.question - 1]['revision']))
        if row.marker_id is not None and row.working and row.working.get('points'):
            bind.execute(sa.insert(reading).values(
                task_id=row.id, marker_id=row.marker_id, third=False, points=row.working['points'],
                limits=row.working.get('limits') or row.working['points'], remark=row.working.get('remark') or '',
                at=row.at))


def downgrade() -> None:
    with op.batch_alter_table('marking_task', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_marking_task_revision_id_question_revision'), type_='foreignkey')
        batch_op.drop_column('wanted')
        batch_op.drop_column('revision_id')

    with op.batch_alter_table('exam_session', schema=None) as batch_op:
        batch_op.drop_column('markers')

    with op.batch_alter_table('marking_reading', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_marking_reading_marker_id'))

    op.drop_table('marking_reading')
    with op.batch_alter_table('result_appeal', schema=None) as batch_op:
        batch_op.drop_index('ix_result_appeal_state_due_on')
        batch_op.drop_index(batch_op.f('ix_result_appeal_session_id'))
        batch_op.drop_index(batch_op.f('ix_result_appeal_looked_by_id'))

    op.drop_table('result_appeal')
    with op.batch_alter_table('regrade_change', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_regrade_change_sitting_id'))

    op.drop_table('regrade_change')
    with op.batch_alter_table('regrade', schema=None) as batch_op:
        batch_op.drop_index('uq_regrade_one_open', sqlite_where=sa.text("state IN ('counting', 'proposed', 'applying')"), postgresql_where=sa.text("state IN ('counting', 'proposed', 'applying')"))
        batch_op.drop_index(batch_op.f('ix_regrade_session_id'))

    op.drop_table('regrade')
