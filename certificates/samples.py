"""Sample faces for previews: invented people, marked as demonstration, so that a preview can never pass for real."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from functools import cache

from certificates.faces import CertificateFace, CompletionFace, ModuleHours, NoteFace


def certificate() -> CertificateFace:
    """An intermediate certificate of an invented holder."""
    return CertificateFace(
        holder_name="林晓岚",
        masked_id="1****************8",
        title_zh="技术经理人证书",
        title_en="Certificate of Technology Manager",
        level_zh="中级技术经理人",
        level_en="Intermediate Technology Manager",
        field_zh="新一代信息技术",
        field_en="Next-generation information technology",
        number="TTM1200202620000077",
        issuer_zh="滨海新区技术经理人认证中心",
        issuer_en="Binhai New Area Technology Manager Certification Centre",
        base_zh="滨海新区技术转移人才培养基地",
        base_en="Binhai New Area Technology Transfer Training Base",
        issued_on=date(2026, 11, 21),
        valid_until=date(2029, 11, 20),
        scheme_name="中级技术经理人认证方案",
        scheme_version="2026 年第 1 版",
        scheme_name_en="Intermediate scheme, 2026, version 1",
        verify_url="https://ttm.example.org/c/4vJ8mQ2sTzK9wYbN6xLrPd",
        sentence_zh="完成规定培训六十学时，通过理论考试与五项实操任务评审，绩效积分经核定达到要求，"
        "各项均符合本方案规定，准予发证。",
        sentence_en="has completed 60 hours of training, passed the written examination and the review of five practical "
        "tasks, and reached the required performance credit, meeting every requirement of the scheme named below.",
        trial=True,
    )


@cache
def portrait() -> bytes:
    """The photo of nobody: a grey figure, as JPEG."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (590, 826), "#dfe5ee")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((175, 170, 415, 470), fill="#9aa8bd")
    draw.ellipse((60, 520, 530, 1200), fill="#9aa8bd")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


@cache
def seal() -> bytes:
    """A round seal of nobody as a picture (PNG on transparent ground), where an authority would give its own."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (480, 480), (255, 255, 255, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((8, 8, 472, 472), outline="#b3312c", width=16)
    draw.regular_polygon((240, 240, 90), 5, fill="#b3312c")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def note() -> NoteFace:
    """A recognition note for an invented certificate of another region."""
    return NoteFace(
        number="RN-2301-2026-000012",
        holder_name="林晓岚",
        masked_id="1****************8",
        source_issuer="滨海新区技术经理人认证中心",
        source_region="天津市滨海新区",
        source_number="TTM1200202620000077",
        source_level="中级技术经理人",
        source_valid_until=date(2029, 11, 20),
        recognised_level_zh="中级技术经理人",
        recognised_level_en="Intermediate Technology Manager",
        conditions=("补修黑龙江省科技成果转化政策 8 学时",),
        agreement="滨海新区与哈尔滨市技术经理人证书互认协议（2026）",
        decided_on=date(2026, 12, 8),
        valid_until=date(2028, 12, 31),
        authority_zh="哈尔滨市技术经理人认证管理中心",
        authority_en="Harbin Technology Manager Certification Authority",
        verify_url="https://ttm.example.org/c/Zp3nW7hVqR5cXe8kTyUa2M",
        trial=True,
    )


def completion() -> CompletionFace:
    """A completion certificate for an invented class."""
    return CompletionFace(
        number="JY-2026-0315",
        holder_name="林晓岚",
        masked_id="1****************8",
        class_name="2026 年第三期（滨海班）",
        programme_zh="中级技术经理人培训",
        programme_en="Training for intermediate technology managers",
        starts_on=date(2026, 7, 6),
        ends_on=date(2026, 8, 14),
        modules=(
            ModuleHours("公共知识", "General knowledge", Decimal(8)),
            ModuleHours("政策法规", "Policy and law", Decimal("11.5")),
            ModuleHours("实务技能", "Practical skills", Decimal(26)),
            ModuleHours("能力提升", "Advanced practice", Decimal(12)),
        ),
        base_zh="滨海新区技术转移人才培养基地",
        base_en="Binhai New Area Technology Transfer Training Base",
        issued_on=date(2026, 8, 18),
        verify_url="https://ttm.example.org/c/Hs6dFj1gBo4iLu0vCt9mQx",
        trial=True,
    )
