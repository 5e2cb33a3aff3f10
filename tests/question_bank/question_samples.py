"""One question of every kind, made for the tests."""

from question_bank.items import Item

SECRET = "只有阅卷人知道"

RAW = [
    {
        "id": "s1",
        "kind": "single",
        "level": 1,
        "module": "policy",
        "difficulty": "easy",
        "point": "奖励和报酬",
        "text": "科技成果转化奖励的**下限**是净收入的多少？",
        "options": [
            {"text": "20%", "feedback": f"{SECRET}反馈"},
            {"text": "50%", "correct": True},
            {"text": "70%"},
            {"text": "以上均不是"},
        ],
        "shuffle": False,
        "explanation": f"{SECRET}解析",
        "source": f"{SECRET}出处",
        "enemies": ["t1"],
    },
    {
        "id": "m1",
        "kind": "multiple",
        "level": 1,
        "module": "policy",
        "difficulty": "medium",
        "points": "2",
        "text": "技术合同包括哪些？",
        "options": [
            {"text": "技术开发", "correct": True},
            {"text": "技术转让", "correct": True},
            {"text": "货物买卖"},
            {"text": "技术咨询", "correct": True},
        ],
    },
    {
        "id": "t1",
        "kind": "truefalse",
        "level": 1,
        "text": "专利权自授权之日起生效，保护期从申请日起算。",
        "answer": True,
    },
    {
        "id": "b1",
        "kind": "blank",
        "level": 1,
        "text": "发明专利保护期为 [[1]] 年，英文缩写 [[2]]。",
        "blanks": [["20", "二十"], [f"{SECRET}PCT", "ＰＣＴ 申请"]],
    },
    {
        "id": "n1",
        "kind": "numeric",
        "level": 2,
        "text": "提成多少？",
        "value": "12.5",
        "tolerance": "0.1",
        "unit": "万元",
    },
    {
        "id": "x1",
        "kind": "matching",
        "level": 2,
        "text": "连线",
        "pairs": [
            {"left": "发明", "right": "二十年"},
            {"left": "实用新型", "right": "十年"},
            {"left": "外观设计", "right": "十五年"},
        ],
        "distractors": ["五十年"],
    },
    {
        "id": "o1",
        "kind": "ordering",
        "level": 2,
        "text": "排序",
        "sequence": ["发明披露", "评估", "申请专利", "许可"],
    },
    {
        "id": "c1",
        "kind": "case",
        "level": 2,
        "text": "某大学许可一项专利。",
        "parts": [
            {
                "kind": "single",
                "text": "选哪种许可？",
                "options": [{"text": "独占"}, {"text": "排他", "correct": True}],
                "points": 4,
                "explanation": f"{SECRET}小题解析",
            },
            {
                "kind": "essay",
                "text": "说明理由。",
                "rubric": [{"point": f"{SECRET}要点", "points": 3}, {"point": "其他", "points": "2.5"}],
                "reference": f"{SECRET}参考",
                "points": 6,
            },
        ],
    },
    {
        "id": "e1",
        "kind": "essay",
        "level": 3,
        "points": 10,
        "text": "论述概念验证的作用。",
        "rubric": [{"point": f"{SECRET}要点", "points": 10}],
        "reference": f"{SECRET}答案",
    },
]

ITEMS = {raw["id"]: Item.from_dict(raw) for raw in RAW}


def option_ids(item, *texts):
    """Ids of the options (or of right sides, or steps) with these texts."""
    from question_bank.items import choices_of

    ids = {text: choice for choice, text in choices_of(item).items()}
    return [ids[text] for text in texts]
