"""Sentences for the codes by which this package refuses: Chinese first, English beside.

Errors carry a code and values; whoever shows them asks :func:`sentence` (or has a catalogue of its own).
"""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: dict[str, tuple[str, str]] = {
    # the shape of a question
    "required": ("必填", "is required"),
    "not_text": ("应为文字（数字或日期请加引号）", "must be text (put quotes around numbers and dates)"),
    "not_list": ("应为列表", "must be a list"),
    "not_mapping": ("应为键值结构", "must be a mapping"),
    "not_boolean": ("应为 true 或 false", "must be true or false"),
    "not_number": ("应为数字", "must be a number"),
    "not_integer": ("应为整数", "must be a whole number"),
    "out_of_range": ("应在 {low} 到 {high} 之间", "must be between {low} and {high}"),
    "too_long": ("超过 {limit} 个字符", "is longer than {limit} characters"),
    "too_many": ("多于 {limit} 项", "has more than {limit} entries"),
    "too_few": ("少于 {limit} 项", "has fewer than {limit} entries"),
    "unknown_key": ("不认识的字段", "is not a known field"),
    "duplicate_key": ("字段重复", "is given twice"),
    "not_for_kind": ("“{kind}”题型没有这个字段", "does not belong to a question of kind {kind}"),
    "unknown_kind": ("不认识的题型", "is not a known kind of question"),
    "unknown_difficulty": ("难度应为 easy、medium 或 hard", "must be easy, medium or hard"),
    "bad_code": ("只能用小写字母、数字、- 和 _", "may hold only lower-case letters, digits, - and _"),
    "bad_id": (
        "编号只能用字母、数字、. _ : -，不超过 64 个字符",
        "may hold only letters, digits, . _ : - (64 at most)",
    ),
    "control_character": ("含有不可见的控制字符", "holds a control character"),
    "duplicate": ("内容重复", "occurs twice"),
    "one_correct": (
        "单选题必须恰好有一个正确选项（现有 {count} 个）",
        "needs exactly one correct option (has {count})",
    ),
    "no_correct": ("没有正确选项", "has no correct option"),
    "blank_marks": (
        "题干中的 [[1]]…[[{count}]] 与答案个数不符",
        "the stem must hold [[1]] to [[{count}]], each once, one for each entry of blanks",
    ),
    "empty_after_normalising": ("规范化后为空", "is empty once normalised"),
    "not_positive": ("必须大于 0", "must be greater than 0"),
    "negative": ("不能为负", "must not be negative"),
    "part_kind": ("案例小题不能是这种题型", "is not allowed as a part of a case"),
    "own_enemy": ("不能与自己互斥", "a question cannot be its own enemy"),
    # files
    "alias": ("不支持 YAML 引用（& 与 *）", "YAML anchors and aliases are not taken"),
    "not_decodable": (
        "文件编码无法识别（可用 UTF-8、UTF-16、GB18030）",
        "the file's encoding is not known (UTF-8, UTF-16 and GB18030 are)",
    ),
    "not_readable": ("文件无法读取：{detail}", "the file cannot be read: {detail}"),
    "wrong_format_mark": ("缺少“format: {expected}”", "“format: {expected}” is missing"),
    "too_large": ("文件超过 {limit} MB", "the file is larger than {limit} MB"),
    "duplicate_id": ("编号与 {other} 重复", "the id is also used by {other}"),
    "no_questions": ("文件中没有题目", "the file holds no question"),
    "no_heading": ("缺少列“{heading}”", "the column “{heading}” is missing"),
    "unknown_word": ("不认识“{word}”", "“{word}” is not understood"),
    "bad_line": ("“{line}”的写法有误", "“{line}” cannot be read"),
    "formula": ("单元格是公式，请改为数值或文字", "the cell is a formula; put its value or text instead"),
    "too_many_questions": (
        "一个文件最多 {limit} 道题，其余未读",
        "a file may hold {limit} questions; the rest was not read",
    ),
    "not_a_question": ("只是说明文字，不是题目", "is a description, not a question"),
    "kind_not_taken": ("不支持“{kind}”类型的题目", "questions of the type “{kind}” are not taken"),
    "braces": ("花括号不成对", "the braces do not match"),
    "bad_pair": ("“{line}”应写成“左 -> 右”", "“{line}” should read “left -> right”"),
    "no_full_answer": ("没有得满分的答案", "has no answer that earns full marks"),
    "several_numbers": ("有几个不同的数值都得满分，本系统只能有一个", "accepts several different numbers; we have one"),
    "any_answer": ("任何答案都得满分", "any answer earns full marks"),
    "no_gaps": ("没有可作答的空", "has no gap to be filled in"),
    "wrong_root": ("最外层元素应为 <{expected}>", "the outermost element must be <{expected}>"),
    "unfinished": ("题目不完整，后面没有 ANSWER 行", "is not finished by an ANSWER line"),
    "no_stem": ("前面没有题干", "no question stands before it"),
    "several_lines": ("题干只能占一行", "the question must stand on one line"),
    "letter_order": ("选项字母应为 {expected}", "the option's letter should be {expected}"),
    "not_a_letter": ("“{answer}”不是选项字母之一（只能有一个）", "“{answer}” is not one of the letters (one only)"),
    # notes: what of a question that was taken is not kept
    "note_encoding": ("按 {encoding} 编码读取，请核对文字", "read as {encoding}; please check the characters"),
    "note_partial": ("“{answer}”原可得 {percent}% 的分，未保留", "“{answer}” earned {percent} %, which is not kept"),
    "note_weights": (
        "各选项的得分权重（{weights}）未保留，按考试的多选规则判分",
        "the weights of the options ({weights}) are not kept; the exam's rule for multiple choice applies",
    ),
    "note_uneven": ("各空的分值不等，未保留", "the gaps had different marks, which is not kept"),
    "note_feedback": ("答案反馈未保留：{text}", "feedback on an answer is not kept: {text}"),
    "note_wildcard": ("通配答案“{answer}”未保留", "the answer with wildcards “{answer}” is not kept"),
    "note_text": ("未保留：{text}", "not kept: {text}"),
    "note_tag": ("标签“{tag}”未保留", "the tag “{tag}” is not kept"),
    "note_category": ("分类说明未保留：{text}", "the category's description is not kept: {text}"),
    "note_id": ("“{id}”不能用作题目编号，已另行编号", "“{id}” cannot be an id of ours; another was given"),
    "note_names": ("{count} 道题的题名未保留", "the names of {count} questions are not kept"),
    "note_settings": ("未保留的设置和样式（题数）：{names}", "settings and formatting not kept (questions): {names}"),
    "note_picture": ("图片“{name}”未保留，请补上", "the picture “{name}” is not kept; please add it again"),
    "picture_kind": (
        "图片“{name}”未收：只收 PNG 和 JPEG（按内容判断）",
        "the picture “{name}” is not taken: only PNG and JPEG, by content",
    ),
    "picture_large": ("图片“{name}”未收：大于 {limit} MB", "the picture “{name}” is not taken: larger than {limit} MB"),
    "picture_pixels": (
        "图片“{name}”未收：多于 {limit} 百万像素",
        "the picture “{name}” is not taken: more than {limit} million pixels",
    ),
    "picture_damaged": ("图片“{name}”已损坏，未收", "the picture “{name}” is damaged and not taken"),
    "picture_missing": ("文件里没有图片“{name}”", "the file does not hold the picture “{name}”"),
    "picture_outside": (
        "图片地址“{name}”指向包外，未收",
        "the picture's address “{name}” leads out of the package; not taken",
    ),
    "picture_many": (
        "图片“{name}”未收：一个文件最多 {count} 张图片、共 {limit} MB",
        "the picture “{name}” is not taken: a file may hold {count} pictures and {limit} MB of them",
    ),
    "pictures_elsewhere": (
        "{count} 张图片只有另一网站的地址，本题库没有",
        "{count} pictures are named by the address of another site; this bank does not have them",
    ),
    "note_media": ("嵌入内容“{name}”未保留", "the embedded “{name}” is not kept"),
    "note_points": ("分值“{points}”不可用，按 1 分计", "“{points}” cannot be the points; 1 is taken"),
    "note_unit": ("单位“{unit}”未保留", "the unit “{unit}” is not kept"),
    # answers
    "wrong_shape": ("答案格式与题型不符", "the answer does not have the shape of this kind"),
    "unknown_option": ("答案中有不存在的选项", "the answer names something that is not in the question"),
    "repeated_option": ("答案中同一选项出现两次", "the answer names the same thing twice"),
    # XML, HTML and packages
    "dtd": ("文件含有 DOCTYPE（实体声明），不予读取", "the file has a DOCTYPE (entities), which is not taken"),
    "encoding": (
        "文件不是有效的 {name} 编码，或不支持这种编码",
        "the file is not valid {name}, or that encoding is not taken",
    ),
    "zip_members": ("压缩包内的文件多于 {limit} 个", "the package holds more than {limit} files"),
    "zip_unpacked": ("压缩包解开后超过 {limit} MB", "the package unpacks to more than {limit} MB"),
    "zip_path": ("压缩包内的路径“{name}”指向包外", "the path “{name}” leads out of the package"),
    "zip_twice": ("压缩包内有两个文件同名：“{name}”", "the package holds two files named “{name}”"),
    "zip_missing": ("压缩包内没有文件“{name}”", "the package does not hold the file “{name}”"),
    "zip_encrypted": ("压缩包有密码", "the package is encrypted"),
    "picture_left_out": ("图片“{name}”未保留", "the picture “{name}” is left out"),
    "media_left_out": ("音视频或附件“{name}”未保留", "the media “{name}” is left out"),
    "formatting_left_out": ("格式 {name} 未保留（文字保留）", "the formatting {name} is left out (its text is kept)"),
    "link_left_out": ("链接“{name}”未保留（文字保留）", "the link to “{name}” is left out (its text is kept)"),
    "formula_simplified": (
        "公式已改写为一行文字，请核对",
        "a formula was turned into one line of text; please check it",
    ),
    # QTI
    "qti_1": ("这是 QTI 1.x；可读取 2.1、2.2 和 3.0", "this is QTI 1.x; 2.1, 2.2 and 3.0 are read"),
    "qti_test": (
        "这是试卷（assessmentTest），不含题目；请导入整个内容包",
        "this is a test (assessmentTest) without items; import the whole package",
    ),
    "qti_manifest": (
        "这是内容包的清单；请导入整个内容包（zip）",
        "this is the manifest of a package; import the whole package (zip)",
    ),
    "qti_no_item": ("不是 QTI 题目（根元素是“{name}”）", "is not a QTI item (the root element is “{name}”)"),
    "qti_adaptive": ("自适应题（adaptive）无法转换", "adaptive items cannot be taken"),
    "qti_template": (
        "参数随机变化的题（template）无法转换",
        "items with random parameters (templates) cannot be taken",
    ),
    "qti_include": (
        "引用了包外内容“{name}”（XInclude），不予读取",
        "includes other content (XInclude “{name}”), which is not taken",
    ),
    "qti_interaction": (
        "这种作答方式无法转换为本系统的题型",
        "this interaction has no counterpart among our kinds of questions",
    ),
    "qti_no_interaction": ("没有作答内容", "asks nothing"),
    "qti_processing": ("评分规则“{name}”无法转换", "the scoring rule “{name}” cannot be taken"),
    "qti_no_key": ("“{name}”没有标准答案", "“{name}” has no correct answer"),
    "qti_undeclared": ("“{name}”没有声明（responseDeclaration）", "“{name}” is not declared (responseDeclaration)"),
    "qti_declaration": (
        "“{name}”的声明（{detail}）与作答方式不符",
        "“{name}” is declared as {detail}, which does not fit",
    ),
    "qti_picture_choice": ("选项只有图片，没有文字", "is only a picture, without words"),
    "qti_unknown_choice": ("答案“{name}”不在选项中", "the answer “{name}” is not among the choices"),
    "qti_match_many": (
        "不是一一对应的连线（一项对多项，或有项没有对应）",
        "is not a matching in which each left belongs to exactly one right",
    ),
    "qti_partial_order": ("只要求排出部分步骤", "asks for an order of only some steps"),
    "qti_stimulus": ("缺少共用材料“{name}”", "the shared passage “{name}” is not there"),
    "qti_no_manifest": (
        "压缩包没有 imsmanifest.xml；已逐个读取其中的 XML 文件",
        "the package has no imsmanifest.xml; its XML files were read one by one",
    ),
    "qti_unlisted": ("清单中没有列出，仍已读取", "is not listed in the manifest; it was read all the same"),
    "qti_test_left_out": (
        "试卷结构、次序和权重未保留，只取题目",
        "the test with its order and weights is left out; only the questions are taken",
    ),
    "qti_titles": (
        "{count} 道题的标题（title）与题干不同，未保留",
        "the titles of {count} items say something else than their texts; they are left out",
    ),
    "qti_identifier": ("标识“{name}”不能作编号，改用 {id}", "the identifier “{name}” cannot be an id; {id} is used"),
    "qti_simplified": (
        "评分规则“{name}”未保留，改为与标准答案比较",
        "the scoring rule “{name}” is left out; answers are compared with the key",
    ),
    "qti_joint": (
        "原规则要求几个空同时正确；现分别计分",
        "the original rule marks several answers together; each is marked by itself now",
    ),
    "qti_partial": (
        "部分得分或倒扣分未保留，按考试的计分规则计分",
        "partial or negative marks are left out; the rules of the exam mark",
    ),
    "qti_uneven": (
        "允许误差上下不等，取较小者",
        "the tolerance differs upwards and downwards; the smaller one is used",
    ),
    "qti_tolerance": ("空中数值“{name}”的允许误差未保留", "the tolerance of the number “{name}” in a gap is left out"),
    "qti_fixed": (
        "部分选项要求位置固定；现全部按原次序显示",
        "some options have fixed places; all keep their order now",
    ),
    "qti_limit": ("“最多选 {limit} 项”的限制未保留", "the limit of {limit} choices is left out"),
    "qti_case_sensitive": ("区分大小写的要求未保留", "the demand for upper and lower case is left out"),
    "qti_feedback_joined": (
        "{count} 条反馈合并为解析，显示条件未保留",
        "{count} feedback texts were joined as the explanation; when to show each is left out",
    ),
    "qti_left_out": ("“{name}”未保留", "“{name}” is left out"),
    "qti_associate": (
        "配对题改为连线题：每对的前一项在左",
        "pairs from one list became a matching: the first of each pair is on the left",
    ),
    "qti_several_fields": ("多个作答框合并为一个", "several answer fields became one"),
}


def sentence(code: str, language: str = "zh", values: Mapping[str, object] | None = None) -> str:
    """The sentence for a code in ``zh`` or ``en``. A code without a sentence is returned as it is."""
    chinese, english = SENTENCES.get(code, (code, code))
    return (english if language.startswith("en") else chinese).format_map(
        {k: str(v) for k, v in (values or {}).items()}
    )
