"""Keep reports of large exam sessions.

Revision: 3b7d51c09e42, after 16a36e1b8cec
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '3b7d51c09e42'
down_revision = '16a36e1b8cec'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('exam_report',
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('marks', sa.String(length=200), nullable=False, comment='of what the body was made: see figures.short'),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('body', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('asked', sa.String(length=200), nullable=False, comment='for what the last job was asked'),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_exam_report_job_id_job')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_exam_report_session_id_exam_session')),
    sa.PrimaryKeyConstraint('session_id', name=op.f('pk_exam_report'))
    )


def downgrade() -> None:
    op.drop_table('exam_report')
