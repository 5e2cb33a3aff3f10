"""Questions of every kind with texts that mean something to a file format."""

from __future__ import annotations

from hypothesis import reject
from hypothesis import strategies as st

from question_bank.items import BadItem, Item, Kind

#: Signs of GIFT, cloze, Markdown, HTML and XML, with letters between them.
NASTY = "a甲1%=~#{}:\\*_[]<>&|`-+.!\"'/;$ \n"
#: The same without what Markdown and wildcards would change.
TAME = "ab甲乙丙12，。：（）%=~#{}:&;'\" "


def texts(alphabet: str, most: int = 12) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(alphabet), min_size=1, max_size=most).map(str.strip).filter(bool)


def _distinct(alphabet: str, low: int, high: int) -> st.SearchStrategy[list[str]]:
    return st.lists(texts(alphabet), min_size=low, max_size=high, unique=True)


NUMBERS = st.decimals(min_value=-(10**6), max_value=10**6, places=3).map(str)
POSITIVE = st.integers(1, 1000).map(lambda n: str(n / 2) if n % 2 else str(n // 2))


@st.composite
def raw_questions(draw: st.DrawFn, kind: Kind, alphabet: str, part: bool = False) -> dict:
    data: dict = {"kind": kind.value, "text": draw(texts(alphabet))}
    if kind in (Kind.SINGLE, Kind.MULTIPLE):
        words = draw(_distinct(alphabet, 2, 5))
        right = draw(st.integers(0, len(words) - 1))
        data["options"] = [
            {
                "text": text,
                "correct": n == right or (kind is Kind.MULTIPLE and draw(st.booleans())),
                "feedback": draw(st.just("") | texts(alphabet)),
            }
            for n, text in enumerate(words)
        ]
        data["shuffle"] = draw(st.booleans())
    elif kind is Kind.TRUEFALSE:
        data["answer"] = draw(st.booleans())
    elif kind is Kind.BLANK:
        count = draw(st.integers(1, 1 if part else 3))
        words = [draw(st.just("") | texts(alphabet)) for _ in range(count + 1)]
        data["text"] = "".join(
            word + (f"[[{n}]]" if n <= count else "") for n, word in enumerate(words, start=1)
        ).strip()
        data["blanks"] = [draw(st.lists(texts(alphabet), min_size=1, max_size=3)) for _ in range(count)]
    elif kind is Kind.NUMERIC:
        data |= {"value": draw(NUMBERS), "tolerance": draw(st.sampled_from(["0", "0.5", "12"]))}
        data["unit"] = draw(st.sampled_from(["", "万元", "%", "m/s"]))
    elif kind is Kind.MATCHING:
        lefts, rights = draw(_distinct(alphabet, 2, 4)), draw(_distinct(alphabet, 4, 6))
        data["pairs"] = [{"left": left, "right": right} for left, right in zip(lefts, rights, strict=False)]
        data["distractors"] = rights[len(lefts) :]
    elif kind is Kind.ORDERING:
        data["sequence"] = draw(_distinct(alphabet, 2, 5))
    elif kind is Kind.ESSAY:
        data["reference"] = draw(st.just("") | texts(alphabet))
        points = draw(st.lists(POSITIVE, max_size=3))
        data["rubric"] = [{"point": draw(texts(alphabet)), "points": number} for number in points]
    if part:
        data["points"] = draw(st.integers(1, 20).map(str))
    data["explanation"] = draw(st.just("") | texts(alphabet))
    return data


@st.composite
def items(draw: st.DrawFn, kinds: tuple[Kind, ...] = tuple(Kind), alphabet: str = NASTY) -> Item:
    kind = draw(st.sampled_from(kinds))
    if kind is Kind.CASE:
        parts = st.sampled_from([Kind.SINGLE, Kind.MULTIPLE, Kind.TRUEFALSE, Kind.BLANK, Kind.NUMERIC, Kind.ESSAY])
        data: dict = {"kind": "case", "text": draw(texts(alphabet))}
        data["parts"] = [draw(raw_questions(draw(parts), alphabet, True)) for _ in range(draw(st.integers(1, 3)))]
    else:
        data = draw(raw_questions(kind, alphabet))
        data["points"] = draw(POSITIVE)
    data |= {
        "id": draw(st.sampled_from(["q", "L1-policy-001", "A.b:c_d"])),
        "level": draw(st.sampled_from([None, 1, 2, 3])),
        "module": draw(st.sampled_from([None, "policy", "own-module"])),
        "difficulty": draw(st.sampled_from([None, "easy", "hard"])),
        "point": draw(st.just("") | texts(alphabet)),
        "source": draw(st.just("") | texts(alphabet)),
        "enemies": draw(st.lists(st.sampled_from(["x1", "y-2"]), unique=True)),
    }
    try:
        return Item.from_dict(data)
    except BadItem:
        reject()
