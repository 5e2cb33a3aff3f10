"""Add places, seats and prints of exams

Revision: a0020, after a0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'a0020'
down_revision = 'a0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('exam_arrangement',
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('steps', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='steps of the set-up saved so far'),
    sa.Column('copied_from_id', sa.Integer(), nullable=True),
    sa.Column('places_by', sa.String(length=40), nullable=False),
    sa.Column('instructions', sa.String(length=2000), nullable=False, comment='printed on the admission slip'),
    sa.Column('seed', sa.String(length=40), nullable=False, comment='of the seat plan; the same seed, the same plan'),
    sa.Column('seats_published_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['copied_from_id'], ['exam_session.id'], name=op.f('fk_exam_arrangement_copied_from_id_exam_session')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_exam_arrangement_session_id_exam_session')),
    sa.PrimaryKeyConstraint('session_id', name=op.f('pk_exam_arrangement'))
    )
    op.create_table('exam_place',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('address', sa.String(length=200), nullable=False),
    sa.Column('note', sa.String(length=400), nullable=False, comment='how to get there, whom to ask'),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_exam_place_session_id_exam_session')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exam_place')),
    sa.UniqueConstraint('session_id', 'name', name=op.f('uq_exam_place_session_id_name'))
    )
    op.create_table('exam_print',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('letter', sa.String(length=1), nullable=False, comment='version of the paper'),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('asked_by_id', sa.Integer(), nullable=True),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.Column('file_id', sa.Integer(), nullable=True),
    sa.Column('pages', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['asked_by_id'], ['person.id'], name=op.f('fk_exam_print_asked_by_id_person')),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_exam_print_file_id_stored_file')),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_exam_print_job_id_job')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_exam_print_session_id_exam_session')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exam_print'))
    )
    with op.batch_alter_table('exam_print', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_exam_print_session_id'), ['session_id'], unique=False)

    op.create_table('paper_form',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.Integer(), nullable=False),
    sa.Column('letter', sa.String(length=1), nullable=False),
    sa.Column('seed', sa.String(length=40), nullable=False),
    sa.Column('entries', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='as in sitting.entries'),
    sa.Column('drawn_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('drawn_by_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['drawn_by_id'], ['person.id'], name=op.f('fk_paper_form_drawn_by_id_person')),
    sa.ForeignKeyConstraint(['session_id'], ['exam_session.id'], name=op.f('fk_paper_form_session_id_exam_session')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paper_form')),
    sa.UniqueConstraint('session_id', 'letter', name=op.f('uq_paper_form_session_id_letter'))
    )
    op.create_table('exam_room',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('place_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('seat_rows', sa.Integer(), nullable=False),
    sa.Column('seat_columns', sa.Integer(), nullable=False),
    sa.CheckConstraint('seat_rows BETWEEN 1 AND 60 AND seat_columns BETWEEN 1 AND 60', name=op.f('ck_exam_room_size')),
    sa.ForeignKeyConstraint(['place_id'], ['exam_place.id'], name=op.f('fk_exam_room_place_id_exam_place')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exam_room')),
    sa.UniqueConstraint('place_id', 'name', name=op.f('uq_exam_room_place_id_name'))
    )
    op.create_table('exam_seat',
    sa.Column('sitting_id', sa.Integer(), nullable=False),
    sa.Column('place_id', sa.Integer(), nullable=True),
    sa.Column('room_id', sa.Integer(), nullable=True),
    sa.Column('number', sa.Integer(), nullable=True, comment='from 1, along the rows'),
    sa.Column('by_hand', sa.Boolean(), nullable=False),
    sa.Column('ticket_file_id', sa.Integer(), nullable=True, comment='admission slip as PDF'),
    sa.Column('ticket_job_id', sa.Integer(), nullable=True),
    sa.CheckConstraint('(room_id IS NULL) = (number IS NULL)', name=op.f('ck_exam_seat_room_with_number')),
    sa.ForeignKeyConstraint(['place_id'], ['exam_place.id'], name=op.f('fk_exam_seat_place_id_exam_place')),
    sa.ForeignKeyConstraint(['room_id'], ['exam_room.id'], name=op.f('fk_exam_seat_room_id_exam_room')),
    sa.ForeignKeyConstraint(['sitting_id'], ['sitting.id'], name=op.f('fk_exam_seat_sitting_id_sitting')),
    sa.ForeignKeyConstraint(['ticket_file_id'], ['stored_file.id'], name=op.f('fk_exam_seat_ticket_file_id_stored_file')),
    sa.ForeignKeyConstraint(['ticket_job_id'], ['job.id'], name=op.f('fk_exam_seat_ticket_job_id_job')),
    sa.PrimaryKeyConstraint('sitting_id', name=op.f('pk_exam_seat')),
    sa.UniqueConstraint('room_id', 'number', name=op.f('uq_exam_seat_room_id_number'))
    )
    with op.batch_alter_table('exam_seat', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_exam_seat_place_id'), ['place_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('exam_seat', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_exam_seat_place_id'))

    op.drop_table('exam_seat')
    op.drop_table('exam_room')
    op.drop_table('paper_form')
    with op.batch_alter_table('exam_print', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_exam_print_session_id'))

    op.drop_table('exam_print')
    op.drop_table('exam_place')
    op.drop_table('exam_arrangement')
