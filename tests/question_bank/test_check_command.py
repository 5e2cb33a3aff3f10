import pytest

from question_bank import checks
from question_bank.__main__ import SHIPPED, main
from question_bank.checks import lopsided, lopsided_levels
from question_bank.formats import read
from question_bank.items import MODULES, Item, Kind

GOOD = """format: ttm-questions/1
questions:
  - id: q1
    kind: single
    level: 1
    module: common
    point: 点
    difficulty: easy
    text: 题目一
    options: [{text: 甲甲, correct: true}, {text: 乙乙}, {text: 丙丙}, {text: 丁丁}]
    explanation: 因为
    source: 《民法典》第八百四十三条
"""


@pytest.fixture
def check(tmp_path, capsys):
    def run(*texts):
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.yaml")
            files[-1].write_text(text, encoding="utf-8")
        code = main(["check", *map(str, files)])
        return code, capsys.readouterr().out

    return run


def test_a_good_file_passes(check):
    code, out = check(GOOD)
    assert code == 0
    assert "1 questions, 0 errors, 0 warnings" in out
    assert "level 1 single       1   common 1/0/0" in out
    assert "level 1 blueprint: CANNOT be filled" in out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    explanation: 因为\n", "", "q1: explanation is missing"),
        ("    source: 《民法典》第八百四十三条\n", "", "q1: source is missing"),
        ("module: common", "module: comon", "q1: module must be one of"),
        ("correct: true", "correct: false", "q1: options: needs exactly one correct option"),
        ("kind: single", "kind: multiple", "at least two correct options"),
        ("    source:", "    enemies: [nobody]\n    source:", "q1: enemy nobody is not in these files"),
    ],
)
def test_a_fault_is_an_error(check, old, new, told):
    code, out = check(GOOD.replace(old, new))
    assert code == 1
    assert told in out


def test_the_same_id_question_or_stem_in_two_files_is_an_error(check):
    code, out = check(GOOD, GOOD)
    assert code == 1 and "q1: this id occurs twice" in out
    code, out = check(GOOD, GOOD.replace("q1", "q2").replace("题目一", "题目 一。"))
    assert code == 1 and "q2: the same question as q1" in out
    code, out = check(GOOD, GOOD.replace("q1", "q2").replace("丁丁", "戊戊"))
    assert code == 1 and "q2: the same stem as q1" in out


LONG = "技术开发合同没有约定专利申请权的归属，研究开发完成以后申请专利的权利属于谁？"


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        (LONG.replace("研究开发完成以后", "研发完成后"), True),
        (LONG.replace("没有约定", "未约定") + "请选择", True),
        ("技术许可合同没有约定后续改进成果的分享办法，被许可人作出的改进归谁？", False),
    ],
)
def test_nearly_the_same_question_is_an_error(check, stem, told):
    code, out = check(GOOD.replace("题目一", LONG), GOOD.replace("q1", "q2").replace("题目一", stem))
    assert ("q2: nearly the same question as q1" in out) is told
    assert code == told


def test_an_explanation_that_names_places_of_shuffled_options_is_an_error(check):
    code, out = check(GOOD.replace("explanation: 因为", "explanation: 选项B混淆了概念"))
    assert code == 1 and "q1: the explanation refers to options by place" in out
    fixed = GOOD.replace("explanation: 因为", "explanation: 选项B混淆了概念").replace(
        "    text:", "    shuffle: false\n    text:", 1
    )
    assert check(fixed)[0] == 0


def test_a_file_that_is_not_there(check, tmp_path):
    assert main(["check", str(tmp_path / "none.yaml")]) == 2


def single(number, texts, key, **more):
    options = [{"text": text, "correct": n == key} for n, text in enumerate(texts)]
    return Item.from_dict({"id": f"q{number}", "kind": "single", "text": "?", "options": options, **more})


EVEN = ["甲甲甲", "乙乙乙", "丙丙丙", "丁丁丁"]


def test_keys_at_one_place_are_an_error():
    even = [single(n, EVEN, n % 4) for n in range(40)]
    assert lopsided(even) == []
    chance = [single(n, EVEN, (0, 0, 1, 2, 3, 1, 0, 3)[n % 8]) for n in range(40)]  # 15 of 40 at A: that happens
    assert lopsided(chance) == []
    first = [single(n, EVEN, 0 if n % 5 else 1) for n in range(40)]
    assert lopsided(first) == [
        "single: 32 of 40 keys are at place A (10 expected)",
        "single: 0 of 40 keys are at place C (10 expected)",
        "single: 0 of 40 keys are at place D (10 expected)",
    ]
    assert lopsided(first[:19]) == []  # too few to tell


def test_keys_of_multiple_questions_are_weighed_with_their_number():
    def multiple(number, keys):
        options = [{"text": text, "correct": n in keys} for n, text in enumerate([*EVEN, "戊戊戊"])]
        return Item.from_dict({"id": f"m{number}", "kind": "multiple", "text": "?", "options": options})

    turning = [multiple(n, {n % 5, (n + 1) % 5, (n + 2) % 5}) for n in range(30)]
    assert lopsided(turning) == []
    never_last = [multiple(n, {n % 4, (n + 1) % 4}) for n in range(40)]
    assert "multiple: 0 of 80 keys are at place E (16 expected)" in lopsided(never_last)


@pytest.mark.parametrize(("key", "word"), [("甲甲甲甲", "longest"), ("甲", "shortest")])
def test_keys_told_by_length_are_an_error(key, word):
    told = [single(n, EVEN[: n % 4] + [key] + EVEN[n % 4 : 3], n % 4) for n in range(17)]
    plain = [single(n, EVEN, (n + 3) % 4) for n in range(17, 40)]
    assert lopsided(told + plain) == [f"single: in 17 of 40 the key is the {word} option (at most 40 %)"]
    assert lopsided(told[:15] + plain) == []


def test_truths_out_of_balance_are_an_error():
    truths = [Item.from_dict({"id": f"t{n}", "kind": "truefalse", "text": "?", "answer": n > 5}) for n in range(40)]
    assert lopsided(truths) == ["truefalse: 34 of 40 are true (35 to 65 % expected)"]


def test_a_level_is_judged_over_all_its_files():
    first = [single(n, EVEN, 0, level=1) for n in range(15)] + [single(n, EVEN, 3, level=2) for n in range(15, 30)]
    assert lopsided(first[:15]) == lopsided(first[15:]) == []
    second = [single(n, EVEN, 0, level=1) for n in range(30, 45)]
    assert lopsided_levels(first + second)[0] == "level 1: single: 30 of 30 keys are at place A (8 expected)"
    assert all(line.startswith("level 1") for line in lopsided_levels(first + second))


def test_every_shipped_question_passes():
    files = sorted(SHIPPED.glob("*.yaml"))
    assert files
    assert main(["check"]) == 0
    assert all(not read(file.read_bytes(), "yaml").refusals for file in files)


SHIPPED_ITEMS = [item for file in sorted(SHIPPED.glob("*.yaml")) for item in read(file.read_bytes(), "yaml").items]


def test_the_shipped_bank_fills_every_blueprint_twice_without_a_common_question():
    assert checks.complete(SHIPPED_ITEMS) == []
    for level, least in ((1, 170), (2, 90), (3, 60)):
        mine = [item for item in SHIPPED_ITEMS if item.level == level]
        assert len(mine) >= least
        assert {item.module for item in mine} == set(MODULES)
    assert {item.kind for item in SHIPPED_ITEMS} == set(Kind)


def test_a_bank_that_fills_a_blueprint_only_once_is_not_complete():
    hard = [
        item
        for item in SHIPPED_ITEMS
        if (item.level, item.kind, item.module, item.difficulty) == (3, Kind.SINGLE, "common", "medium")
    ]
    left = [item for item in SHIPPED_ITEMS if item not in hard[1:]]
    assert checks.complete(left) == [
        "level 3: single × 3 × common × medium needs 1 for each of two papers, has 1",
    ]
    no_match = [item for item in SHIPPED_ITEMS if item.kind is not Kind.MATCHING]
    assert checks.complete(no_match) == ["no question of kind matching"]


def test_enemies_can_make_the_second_paper_impossible():
    essays = [item for item in SHIPPED_ITEMS if item.level == 3 and item.kind is Kind.ESSAY]
    names = [essay.id for essay in essays]
    foes = [
        Item.from_dict(essay.to_dict() | {"enemies": [name for name in names if name != essay.id]}) for essay in essays
    ]
    found = checks.complete([item for item in SHIPPED_ITEMS if item not in essays] + foes)
    assert len(found) == 1 and found[0].startswith("level 3: no second paper without a common question")


def test_given_files_need_not_be_a_whole_bank_unless_asked(check, tmp_path, capsys):
    assert check(GOOD)[0] == 0
    assert main(["check", "--complete", str(tmp_path / "0.yaml")]) == 1
    assert "ERROR: no question of kind essay" in capsys.readouterr().out


def test_an_id_that_was_withdrawn_is_not_used_again(check, tmp_path):
    (tmp_path / "withdrawn.txt").write_text("# gone\nq1\n")
    code, out = check(GOOD)
    assert code == 1 and "q1: this id was withdrawn" in out
    assert check(GOOD.replace("q1", "q2"))[0] == 0


def test_every_shipped_question_names_its_source():
    """A law with its article, a decision with its number, a standard, or the textbook fact."""
    assert all(len(item.source) >= 4 for item in SHIPPED_ITEMS)


@pytest.mark.parametrize("name", ["技术合同认定规则", "技术合同认定登记管理办法", "附件3", "附件 3", "认定登记申请"])
def test_no_question_rests_on_a_rule_that_was_repealed_in_2026(name):
    """The rules of 2000 and 2001 on registration, and the exemptions of 2016 from a tax that has had its own law since 2026."""
    assert [item.id for item in SHIPPED_ITEMS if name in str(item.to_dict())] == []
