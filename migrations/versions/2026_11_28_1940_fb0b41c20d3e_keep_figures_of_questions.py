"""Keep figures of questions from exams whose results are out

Figures of exams released before are made by the worker at its next round, out of the marks that are there.

Revision: fb0b41c20d3e, after fabae7a9e484
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'fb0b41c20d3e'
down_revision = 'fabae7a9e484'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('figures_taken',
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('marks', sa.String(length=200), nullable=False, comment='number, newest and sum of marks, last regrade'),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_figures_taken_session_id_exam_session')),
    sa.PrimaryKeyConstraint('session_id', name=op.f('pk_figures_taken'))
    )
    op.create_table('question_figure',
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('revision_id', sa.Integer(), nullable=False),
    sa.Column('question_id', sa.Integer(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False, comment='candidates who had it'),
    sa.Column('facility', sa.Double(), nullable=True, comment='mean share of the points, 0 to 1'),
    sa.Column('discrimination', sa.Double(), nullable=True, comment='correlation with the rest of the paper, -1 to 1'),
    sa.Column('omitted', sa.Integer(), nullable=False),
    sa.Column('choices', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='{part, name, text, key, count} of each option'),
    sa.ForeignKeyConstraint(['question_id'], ['question.id'], name=op.f('fk_question_figure_question_id_question')),
    sa.ForeignKeyConstraint(['revision_id'], ['question_revision.id'], name=op.f('fk_question_figure_revision_id_question_revision')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_question_figure_session_id_exam_session')),
    sa.PrimaryKeyConstraint('session_id', 'revision_id', name=op.f('pk_question_figure'))
    )
    with op.batch_alter_table('question_figure', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_figure_question_id'), ['question_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_question_figure_revision_id'), ['revision_id'], unique=False)

    op.create_table('question_flag',
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('revision_id', sa.Integer(), nullable=False),
    sa.Column('concern', sa.String(length=20), nullable=False, comment='Concern of question_bank.flags'),
    sa.Column('question_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['question_id'], ['question.id'], name=op.f('fk_question_flag_question_id_question')),
    sa.ForeignKeyConstraint(['revision_id'], ['question_revision.id'], name=op.f('fk_question_flag_revision_id_question_revision')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_question_flag_session_id_exam_session')),
    sa.PrimaryKeyConstraint('session_id', 'revision_id', 'concern', name=op.f('pk_question_flag'))
    )
    with op.batch_alter_table('question_flag', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_question_flag_question_id'), ['question_id'], unique=False)


def downgrade() -> None:
    op.drop_table('question_flag')
    op.drop_table('question_figure')
    op.drop_table('figures_taken')
