"""The Chinese words for levels, modules and difficulties that files use."""

from __future__ import annotations

from question_bank.items import MODULES, Difficulty

LEVEL_WORDS = {1: "初级", 2: "中级", 3: "高级"}
MODULE_WORDS = dict(zip(MODULES, ("公共知识", "政策法规", "实务技能", "能力提升"), strict=True))
DIFFICULTY_WORDS = {Difficulty.EASY: "易", Difficulty.MEDIUM: "中", Difficulty.HARD: "难"}
