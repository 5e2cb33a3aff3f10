"""Keep hearings of oral defences, bound portfolios and comments on passages

Revision: fabae7a9e484, after f78a1ea165be
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'fabae7a9e484'
down_revision = 'f78a1ea165be'
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    with op.batch_alter_table('practice_review', schema=None) as batch_op:
        batch_op.add_column(sa.Column('comments', json, nullable=False, server_default='{}', comment='passage of the version → words'))
    with op.batch_alter_table('practice_review', schema=None) as batch_op:
        batch_op.alter_column('comments', existing_type=json, server_default=None)
    op.create_table('practice_portfolio',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=True, comment='None: every level'),
    sa.Column('passed_only', sa.Boolean(), nullable=False),
    sa.Column('with_core', sa.Boolean(), nullable=False, comment='with the content of core material, not its titles alone'),
    sa.Column('language', sa.String(length=10), nullable=False),
    sa.Column('version_ids', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='the versions it holds, in their order'),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.Column('file_id', sa.Integer(), nullable=True, comment='the PDF; None: being made'),
    sa.Column('pages', sa.Integer(), nullable=True),
    sa.Column('gone_at', sa.DateTime(timezone=True), nullable=False, comment='when the copy is deleted'),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_practice_portfolio_file_id_stored_file')),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_practice_portfolio_job_id_job')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_practice_portfolio_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_practice_portfolio'))
    )
    with op.batch_alter_table('practice_portfolio', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_practice_portfolio_file_id'), ['file_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_practice_portfolio_gone_at'), ['gone_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_practice_portfolio_person_id'), ['person_id'], unique=False)

    op.create_table('practice_hearing',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('entry_id', sa.Integer(), nullable=False),
    sa.Column('rule_id', sa.Integer(), nullable=False, comment='panel, criteria and pass mark it is held by'),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('place', sa.String(length=200), nullable=False, comment='room, or address of the video meeting'),
    sa.Column('chair_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('planned_by_id', sa.Integer(), nullable=False),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('why', sa.String(length=400), nullable=False, comment='why it was called off, or what is known of a miss'),
    sa.Column('score', sa.BigInteger(), nullable=True),
    sa.Column('defence_id', sa.Integer(), nullable=True),
    sa.CheckConstraint('minutes > 0', name=op.f('ck_practice_hearing_minutes_positive')),
    sa.ForeignKeyConstraint(['chair_id'], ['person.id'], name=op.f('fk_practice_hearing_chair_id_person')),
    sa.ForeignKeyConstraint(['defence_id'], ['practice_defence.id'], name=op.f('fk_practice_hearing_defence_id_practice_defence')),
    sa.ForeignKeyConstraint(['entry_id'], ['log_entry.id'], name=op.f('fk_practice_hearing_entry_id_log_entry')),
    sa.ForeignKeyConstraint(['planned_by_id'], ['person.id'], name=op.f('fk_practice_hearing_planned_by_id_person')),
    sa.ForeignKeyConstraint(['rule_id'], ['rule_version.id'], name=op.f('fk_practice_hearing_rule_id_rule_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_practice_hearing'))
    )
    with op.batch_alter_table('practice_hearing', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_practice_hearing_entry_id'), ['entry_id'], unique=False)
        batch_op.create_index('ix_practice_hearing_state_starts_at', ['state', 'starts_at'], unique=False)
        batch_op.create_index('uq_practice_hearing_one_planned', ['entry_id'], unique=True, sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'"))

    op.create_table('practice_hearing_member',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('hearing_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('points', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='criterion → points as text'),
    sa.Column('total', sa.BigInteger(), nullable=True),
    sa.Column('remark', sa.Text(), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['hearing_id'], ['practice_hearing.id'], name=op.f('fk_practice_hearing_member_hearing_id_practice_hearing')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_practice_hearing_member_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_practice_hearing_member')),
    sa.UniqueConstraint('hearing_id', 'person_id', name=op.f('uq_practice_hearing_member_hearing_id_person_id'))
    )
    with op.batch_alter_table('practice_hearing_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_practice_hearing_member_person_id'), ['person_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('practice_review', schema=None) as batch_op:
        batch_op.drop_column('comments')
    with op.batch_alter_table('practice_hearing_member', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_practice_hearing_member_person_id'))

    op.drop_table('practice_hearing_member')
    with op.batch_alter_table('practice_hearing', schema=None) as batch_op:
        batch_op.drop_index('uq_practice_hearing_one_planned', sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'"))
        batch_op.drop_index('ix_practice_hearing_state_starts_at')
        batch_op.drop_index(batch_op.f('ix_practice_hearing_entry_id'))

    op.drop_table('practice_hearing')
    with op.batch_alter_table('practice_portfolio', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_practice_portfolio_person_id'))
        batch_op.drop_index(batch_op.f('ix_practice_portfolio_gone_at'))
        batch_op.drop_index(batch_op.f('ix_practice_portfolio_file_id'))

    op.drop_table('practice_portfolio')
