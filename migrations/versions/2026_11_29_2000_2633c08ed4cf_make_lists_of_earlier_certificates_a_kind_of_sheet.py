"""Make lists of earlier certificates a kind of sheet

Revision: 2633c08ed4cf, after 69717bfda89b

Lists and their rows move to the tables of every sheet, with the work that waits for them; stop the worker meanwhile. Cells
are sealed for the table they lie in, so they are sealed again; what no key opens any more is let go.
"""

import base64
import hashlib
import json
import re
import secrets
import unicodedata

import sqlalchemy as sa
from alembic import op
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app
from sqlalchemy.dialects import postgresql

revision = '2633c08ed4cf'
down_revision = '69717bfda89b'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
OLD, NEW = b'certification.earlier', b'imports.row'
WORK = (  # the last is known only here: what is undone in the background waits through a way down and up
    ('certification.earlier_check', 'imports.check', 'Look through a list of earlier certificates', 'Look through a sheet'),
    ('certification.earlier_take', 'imports.take', 'Take over earlier certificates', 'Take over a sheet'),
    ('certification.earlier_undo', 'imports.undo', 'Undo a sheet', 'Undo a sheet'),
)
SHARED = 'name, sha256, state, headings, mapping, notes, total, by_id, made_at, job_id, done_at, undone_at'


def _table(name, plain, json=()):
    return sa.table(name, *(sa.column(one) for one in plain.split()), *(sa.column(one, JSON) for one in json))


LIST = _table('earlier_list', 'id region_id state headings_key made_at', ('headings', 'mapping'))
ROW = _table('earlier_row', 'id list_id line sealed number name fate certificate_id', ('problems',))
IMPORT = _table('sheet_import', 'id kind')
SHEET_ROW = _table('sheet_row', 'id import_id line sealed key label fate', ('problems', 'outcome'))
COLUMNS = _table('sheet_columns', 'kind owner changed_at', ('headings', 'choices'))
RECORD = _table('earlier_record', 'certificate_id list_id')
CERTIFICATE = _table('certificate', 'id number holder_name')
JOB = _table('job', 'id kind title')
ITEM = _table('job_item', 'id job_id', ('payload',))


def _pages(bind, query, key, size=1000):
    """The rows of a query a thousand at a time, in the order of their key."""
    last = 0
    while page := bind.execute(query.where(key > last).order_by(key).limit(size)).all():
        yield page
        last = page[-1].id


def _sealed_for(text, before, after):
    """The same cells sealed for another table."""
    name, _, body = (text or '').partition('.')
    raw = base64.urlsafe_b64decode(body)
    for key in current_app.extensions['settings'].DATA_KEY:
        if hashlib.sha256(b'key id' + key).hexdigest()[:8] == name:
            try:
                cells, nonce = AESGCM(key).decrypt(raw[:12], raw[12:], before), secrets.token_bytes(12)
            except InvalidTag:
                return None
            return f'{name}.{base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, cells, after)).decode()}'
    return None


def _count_on(bind, table):
    """Ids were given by hand: PostgreSQL goes on after them."""
    if bind.dialect.name == 'postgresql':
        bind.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) > 0"))


def _work(bind, names, field, wanted, renamed):
    """Jobs and their items under the names of the other wizard: what waits is not lost. ``renamed``: id before → after."""
    for old, new, old_title, new_title in names:
        jobs = set()
        items = sa.select(ITEM.c.id, ITEM.c.job_id, ITEM.c.payload).join(JOB, JOB.c.id == ITEM.c.job_id).where(JOB.c.kind == old)
        for page in _pages(bind, items, ITEM.c.id):
            for item in page:
                payload = dict(item.payload)
                there = renamed.get(payload.pop(field, None))
                if there is not None:
                    jobs.add(item.job_id)
                    bind.execute(sa.update(ITEM).where(ITEM.c.id == item.id).values(payload={wanted: there} | payload))
        for job in jobs:
            bind.execute(sa.update(JOB).where(JOB.c.id == job).values(kind=new))
            bind.execute(sa.update(JOB).where(JOB.c.id == job, JOB.c.title == old_title).values(title=new_title))


def upgrade() -> None:
    bind = op.get_bind()
    shift = bind.scalar(sa.select(sa.func.max(IMPORT.c.id))) or 0
    bind.execute(
        sa.text(
            f'''INSERT INTO sheet_import (id, kind, target_id, target, region_id, choices, version, acted_by_id, acted_at, {SHARED})
            SELECT l.id + {shift}, 'earlier', r.id, substr(r.name_zh, 1, 200), r.id, '{{}}', 1, l.by_id,
            coalesce(l.undone_at, l.done_at, l.made_at), {', '.join(f'l.{one}' for one in SHARED.split(', '))}
            FROM earlier_list l JOIN region r ON r.id = l.region_id ORDER BY l.id'''
        )
    )
    _count_on(bind, 'sheet_import')
    undone = set(bind.scalars(sa.select(LIST.c.id).where(LIST.c.state == 'undone')))
    for page in _pages(bind, sa.select(ROW), ROW.c.id):
        bind.execute(sa.insert(SHEET_ROW), [_row_up(one, shift, undone) for one in page])
    _remember(bind)
    _work(bind, WORK, 'list', 'import', {one: one + shift for one in bind.scalars(sa.select(LIST.c.id))})
    with op.batch_alter_table('earlier_record', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_earlier_record_list_id_earlier_list'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_earlier_record_list_id'))
    bind.execute(sa.update(RECORD).values(list_id=RECORD.c.list_id + shift))
    with op.batch_alter_table('earlier_record', schema=None) as batch_op:
        batch_op.alter_column('list_id', new_column_name='import_id', existing_type=sa.Integer(), existing_nullable=False)
    with op.batch_alter_table('earlier_record', schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f('fk_earlier_record_import_id_sheet_import'), 'sheet_import', ['import_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_earlier_record_import_id'), ['import_id'], unique=False)
    op.drop_table('earlier_row')
    op.drop_table('earlier_list')


def _row_up(one, shift, undone):
    codes = {'level': 'choice'}
    problems = [['' if code == 'twice' else part, codes.get(code, code), said] for part, code, said in one.problems]
    return {
        'import_id': one.list_id + shift, 'line': one.line, 'sealed': _sealed_for(one.sealed, OLD, NEW), 'key': '',
        'label': f'{one.number} {one.name}'.strip(), 'problems': problems,
        'fate': 'undone' if one.fate == 'ready' and one.list_id in undone else one.fate,
        'outcome': {'certificate': one.certificate_id} if one.certificate_id else {},
    }


def _remember(bind):
    """What the columns of a region's lists were said to hold."""
    said = {}
    for one in bind.execute(sa.select(LIST).where(LIST.c.state != 'read').order_by(LIST.c.id)):
        words = {_plain(one.headings[place]): part for part, place in one.mapping.items()}
        said[one.region_id] = (one.id, said.get(one.region_id, (0, {}))[1] | words)
    for region, (newest, headings) in said.items():
        made_at = sa.select(LIST.c.made_at).where(LIST.c.id == newest).scalar_subquery()
        values = {'kind': 'earlier', 'owner': f'region:{region}', 'headings': headings, 'choices': {}, 'changed_at': made_at}
        bind.execute(sa.insert(COLUMNS).values(values))


def _plain(heading):
    return re.sub(r'[\s*＊:：()（）]', '', unicodedata.normalize('NFKC', heading)).lower()


def downgrade() -> None:
    bind = op.get_bind()
    _tables()
    mine = sa.select(IMPORT.c.id).where(IMPORT.c.kind == 'earlier')
    bind.execute(
        sa.text(
            f'''INSERT INTO earlier_list (id, region_id, headings_key, {SHARED})
            SELECT id, region_id, '', {SHARED} FROM sheet_import WHERE kind = 'earlier' ORDER BY id'''
        )
    )
    _count_on(bind, 'earlier_list')
    ids = list(bind.scalars(mine))
    for one in bind.execute(sa.select(LIST.c.id, LIST.c.headings)).all():
        key = hashlib.sha256(json.dumps(one.headings, ensure_ascii=False).encode()).hexdigest()
        bind.execute(sa.update(LIST).where(LIST.c.id == one.id).values(headings_key=key))
    for page in _pages(bind, sa.select(SHEET_ROW).where(SHEET_ROW.c.import_id.in_(mine)), SHEET_ROW.c.id):
        asked = [one.outcome['certificate'] for one in page if one.outcome]
        there = {one.id: one for one in bind.execute(sa.select(CERTIFICATE).where(CERTIFICATE.c.id.in_(asked)))}
        bind.execute(sa.insert(ROW), [_row_down(one, there.get(one.outcome.get('certificate'))) for one in page])
    _work(bind, [(new, old, after, before) for old, new, before, after in WORK], 'import', 'list', {one: one for one in ids})
    with op.batch_alter_table('earlier_record', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_earlier_record_import_id_sheet_import'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_earlier_record_import_id'))
        batch_op.alter_column('import_id', new_column_name='list_id', existing_type=sa.Integer(), existing_nullable=False)
    with op.batch_alter_table('earlier_record', schema=None) as batch_op:
        batch_op.create_foreign_key(batch_op.f('fk_earlier_record_list_id_earlier_list'), 'earlier_list', ['list_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_earlier_record_list_id'), ['list_id'], unique=False)
    bind.execute(sa.delete(SHEET_ROW).where(SHEET_ROW.c.import_id.in_(mine)))
    bind.execute(sa.delete(COLUMNS).where(COLUMNS.c.kind == 'earlier'))
    bind.execute(sa.delete(IMPORT).where(IMPORT.c.kind == 'earlier'))


def _row_down(one, certificate):
    """Number and name as the register has them; of a row that is not in it, as its label tells them."""
    number, _, name = one.label.partition(' ')
    codes = {'choice': 'level', 'made_a_date': 'lost'}
    return {
        'list_id': one.import_id, 'line': one.line, 'sealed': _sealed_for(one.sealed, NEW, OLD),
        'number': certificate.number if certificate else number[:60], 'name': certificate.holder_name if certificate else name[:120],
        'fate': 'ready' if one.fate == 'undone' else one.fate, 'certificate_id': certificate.id if certificate else None,
        'problems': [[part or 'number', codes.get(code, code), said] for part, code, said in one.problems],
    }


def _tables() -> None:
    op.create_table('earlier_list',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('region_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False, comment='of the file'),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('headings', JSON, nullable=False),
    sa.Column('headings_key', sa.String(length=64), nullable=False, comment='SHA-256 of the headings: remembers the columns'),
    sa.Column('mapping', JSON, nullable=False, comment='field → number of the column'),
    sa.Column('notes', JSON, nullable=False, comment='what the reader of the file had to say'),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['person.id'], name=op.f('fk_earlier_list_by_id_person')),
    sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_earlier_list_job_id_job')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_earlier_list_region_id_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_earlier_list'))
    )
    op.create_table('earlier_row',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False, comment='in the file, headings included'),
    sa.Column('sealed', sa.Text(), nullable=True, comment='JSON list of the cells, sealed; None once forgotten'),
    sa.Column('number', sa.String(length=60), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('fate', sa.String(length=40), nullable=False),
    sa.Column('problems', JSON, nullable=False, comment='[field, code, what stood there]'),
    sa.Column('certificate_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['certificate_id'], ['certificate.id'], name=op.f('fk_earlier_row_certificate_id_certificate')),
    sa.ForeignKeyConstraint(['list_id'], ['earlier_list.id'], name=op.f('fk_earlier_row_list_id_earlier_list')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_earlier_row')),
    sa.UniqueConstraint('list_id', 'line', name=op.f('uq_earlier_row_list_id_line'))
    )
    with op.batch_alter_table('earlier_list', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_earlier_list_headings_key'), ['headings_key'], unique=False)
        batch_op.create_index(batch_op.f('ix_earlier_list_region_id'), ['region_id'], unique=False)
    with op.batch_alter_table('earlier_row', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_earlier_row_certificate_id'), ['certificate_id'], unique=False)
        batch_op.create_index('ix_earlier_row_list_id_fate', ['list_id', 'fate'], unique=False)
