"""Keep questions found faulty, what became of the papers that held them, and exports of many questions

Revision: 813ad9544c96, after 7d6281e5e46e
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '813ad9544c96'
down_revision = '7d6281e5e46e'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('question_fault',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('question_id', sa.Integer(), nullable=False),
    sa.Column('below', sa.Integer(), nullable=True, comment='only revisions before this one are faulty; None: all of them'),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('found_by_id', sa.Integer(), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['found_by_id'], ['person.id'], name=op.f('fk_question_fault_found_by_id_person')),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_question_fault_job_id_job')),
    sa.ForeignKeyConstraint(['question_id'], ['question.id'], name=op.f('fk_question_fault_question_id_question')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_question_fault'))
    )
    with op.batch_alter_table('question_fault', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_fault_question_id'), ['question_id'], unique=False)

    op.create_table('question_fault_session',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('fault_id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('revision_id', sa.Integer(), nullable=False, comment='as on the papers'),
    sa.Column('begun', sa.Integer(), nullable=False, comment='papers begun with it'),
    sa.Column('left_because', sa.Text(), nullable=False, comment='why results stay as they are; empty: not decided'),
    sa.Column('left_by_id', sa.Integer(), nullable=True),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['left_by_id'], ['person.id'], name=op.f('fk_question_fault_session_left_by_id_person')),
    sa.ForeignKeyConstraint(['fault_id'], ['question_fault.id'], name=op.f('fk_question_fault_session_fault_id_question_fault')),
    sa.ForeignKeyConstraint(['revision_id'], ['question_revision.id'], name=op.f('fk_question_fault_session_revision_id_question_revision')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_question_fault_session_session_id_exam_session')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_question_fault_session')),
    sa.UniqueConstraint('fault_id', 'session_id', 'revision_id', name=op.f('uq_question_fault_session_fault_id_session_id_revision_id'))
    )
    with op.batch_alter_table('question_fault_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_fault_session_session_id'), ['session_id'], unique=False)

    op.create_table('question_fault_paper',
    sa.Column('fault_id', sa.Integer(), nullable=False),
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('seed_before', sa.String(length=40), nullable=False),
    sa.Column('entries_before', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='the paper as it was: sitting.entries'),
    sa.Column('problem', sa.Text(), nullable=False, comment='KEPT: what the bank lacks'),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['fault_id'], ['question_fault.id'], name=op.f('fk_question_fault_paper_fault_id_question_fault')),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_question_fault_paper_sitting_id_sitting')),
    sa.PrimaryKeyConstraint('fault_id', 'sitting_id', name=op.f('pk_question_fault_paper'))
    )
    with op.batch_alter_table('question_fault_paper', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_fault_paper_sitting_id'), ['sitting_id'], unique=False)


    op.create_table('question_export',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=False),
    sa.Column('format', sa.String(length=20), nullable=False),
    sa.Column('ids', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='the questions, in their order'),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True, comment='by a worker that is alive, or was'),
    sa.Column('written', sa.Integer(), nullable=False, comment='questions gone through'),
    sa.Column('losses', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='what is lost: [field, number of questions, the first of them]'),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('file_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['person.id'], name=op.f('fk_question_export_by_id_person')),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_question_export_file_id_stored_file')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_question_export'))
    )
    with op.batch_alter_table('question_export', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_export_by_id'), ['by_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_question_export_file_id'), ['file_id'], unique=False)


def downgrade() -> None:
    op.drop_table('question_export')
    op.drop_table('question_fault_paper')
    op.drop_table('question_fault_session')
    op.drop_table('question_fault')
