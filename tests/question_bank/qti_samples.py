"""QTI as other tools write it, made for the tests: short pieces put together to items of 2.1, 2.2 or 3.0."""

import io
import re
import zipfile

NAMESPACES = {
    "2.1": "http://www.imsglobal.org/xsd/imsqti_v2p1",
    "2.2": "http://www.imsglobal.org/xsd/imsqti_v2p2",
    "3.0": "http://www.imsglobal.org/xsd/imsqtiasi_v3p0",
}
HTML = set("p div span em strong b i u s br hr img ul ol li table tr td th caption sup sub a code pre h1 h2 object math "
           "mfrac mi mn mrow msup msqrt annotation semantics ruby rt rp audio blockquote tbody script".split())  # fmt: skip
TEMPLATES = {
    "2.1": "http://www.imsglobal.org/question/qti_v2p1/rptemplates/{}",
    "2.2": "http://www.imsglobal.org/question/qti_v2p2/rptemplates/{}.xml",
    "3.0": "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/{}.xml",
}


def declared(*values, name="RESPONSE", cardinality="single", base="identifier", mapping=""):
    key = "".join(f"<value>{value}</value>" for value in values)
    key = f"<correctResponse>{key}</correctResponse>" if values else ""
    return f'<responseDeclaration identifier="{name}" cardinality="{cardinality}" baseType="{base}">{key}{mapping}</responseDeclaration>'


def mapped(*entries, rest="", **attributes):
    told = "".join(f' {key}="{value}"' for key, value in attributes.items())
    rows = "".join(f'<mapEntry mapKey="{key}" mappedValue="{value}"{rest}/>' for key, value in entries)
    return f'<mapping defaultValue="0"{told}>{rows}</mapping>'


def choices(*texts, tag="simpleChoice", more=None):
    rows = enumerate(texts)
    return "".join(f'<{tag} identifier="{chr(65 + n)}"{(more or {}).get(n, "")}>{text}</{tag}>' for n, text in rows)


def choice(*texts, shuffle="true", most="1", prompt="", name="RESPONSE", more=None):
    prompt = f"<prompt>{prompt}</prompt>" if prompt else ""
    return (
        f'<choiceInteraction responseIdentifier="{name}" shuffle="{shuffle}" maxChoices="{most}">{prompt}'
        f"{choices(*texts, more=more)}</choiceInteraction>"
    )


def entry(name="RESPONSE"):
    return f'<textEntryInteraction responseIdentifier="{name}" expectedLength="10"/>'


def template(name):
    return f"<responseProcessing template={name!r}/>".replace("'", '"')


def outcome(name="SCORE", base="float", more=""):
    return f'<outcomeDeclaration identifier="{name}" cardinality="single" baseType="{base}"{more}/>'


def condition(*branches):
    """Branches: (comparison, points); the comparison is empty for an else."""
    told = []
    for n, (compared, points) in enumerate(branches):
        tag = "responseElse" if not compared else "responseElseIf" if n else "responseIf"
        earned = (
            f'<setOutcomeValue identifier="SCORE"><baseValue baseType="float">{points}</baseValue></setOutcomeValue>'
        )
        told.append(f"<{tag}>{compared}{earned}</{tag}>")
    return f"<responseCondition>{''.join(told)}</responseCondition>"


def matches(name="RESPONSE", value=""):
    other = f'<baseValue baseType="string">{value}</baseValue>' if value else f'<correct identifier="{name}"/>'
    return f'<match><variable identifier="{name}"/>{other}</match>'


def equal(more, name="RESPONSE", value=""):
    other = f'<baseValue baseType="float">{value}</baseValue>' if value else f'<correct identifier="{name}"/>'
    return f'<equal {more}><variable identifier="{name}"/>{other}</equal>'


def item(body, declarations="", processing="match_correct", version="2.1", name="q1", title="", more="", after=""):
    """An item. ``processing``: the name of a template, or rules."""
    if re.fullmatch(r"\w+", processing):
        processing = template(TEMPLATES[version].format(processing))
    elif processing:
        processing = f"<responseProcessing>{processing}</responseProcessing>"
    if "outcomeDeclaration" not in declarations:
        declarations += outcome()
    xml = (
        f'<assessmentItem identifier="{name}" title="{title}" adaptive="false" timeDependent="false"{more}>{declarations}'
        f"<itemBody>{body}</itemBody>{processing}{after}</assessmentItem>"
    )
    if version == "3.0":
        xml = as_3(xml)
    return re.sub(r"\A<([\w-]+)", rf'<\1 xmlns="{NAMESPACES[version]}"', xml)


def as_3(xml):
    def kebab(word):
        return re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", word)

    def tag(found):
        slash, name, attributes = found[1], found[2], found[3]
        if name in HTML:
            return found[0]
        attributes = re.sub(r'([A-Za-z]+)="', lambda one: f'{kebab(one[1])}="', attributes)
        return f"<{slash}qti-{kebab(name)}{attributes}>"

    return re.sub(r"<(/?)([A-Za-z]\w*)((?:\s[^<>]*)?)>", tag, xml)


def zipped(files, **more):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, **more}.items():
            archive.writestr(name, content)
    return out.getvalue()


def manifest(*resources, namespace="http://www.imsglobal.org/xsd/imscp_v1p1"):
    """Resources: (type, href, more inside)."""
    rows = "".join(
        f'<resource identifier="r{n}" type="{kind}" href="{href}">{inside}<file href="{href}"/></resource>'
        for n, (kind, href, inside) in enumerate(resources)
    )
    return f'<manifest xmlns="{namespace}" identifier="m"><organizations/><resources>{rows}</resources></manifest>'
