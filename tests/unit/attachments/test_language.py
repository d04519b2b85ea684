"""The language of a text is said where it is certain, and not guessed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.attachments import language
from src.attachments.finish import finished
from src.attachments.language import LOOK_CHARS, language_of
from src.attachments.limits import Limits
from tests.fixtures import office_files
from tests.fixtures.reading import read

pytest.importorskip("pycld2", reason="there is no build of CLD2 for this machine")

SAMPLES = {
    "de": "Sehr geehrte Damen und Herren, anbei erhalten Sie die Rechnung für den Monat März.",
    "en": "Dear all, please find attached the minutes of yesterday's meeting.",
    "fr": "Bonjour, veuillez trouver ci-joint le contrat signé. N'hésitez pas à me contacter.",
    "es": "Estimados señores, adjunto encontrarán el informe trimestral de ventas.",
    "it": "Gentile cliente, in allegato trova la fattura del mese scorso.",
    "pt": "Prezados, segue em anexo o relatório de vendas do trimestre. Fico à disposição.",
    "nl": "Geachte heer, hierbij ontvangt u de offerte voor de verbouwing van uw keuken.",
    "pl": "Szanowni Państwo, w załączniku przesyłam fakturę za ostatni miesiąc.",
    "sv": "Hej, bifogat finner du fakturan för mars månad. Hör av dig om du har frågor.",
    "tr": "Merhaba, ekte geçen ayın faturasını bulabilirsiniz. Lütfen onaylayın.",
    "ru": "Добрый день, направляю вам договор на подпись. Пожалуйста, ответьте.",
    "el": "Καλημέρα, σας στέλνω το έγγραφο που ζητήσατε. Παρακαλώ επιβεβαιώστε.",
    "ar": "مرحبا، تجدون في المرفق التقرير الشهري. يرجى التأكيد.",
    "he": "שלום רב, מצורף הדוח החודשי. נא לאשר קבלה בהקדם האפשרי.",
    "zh": "您好，附件是本月的销售报告，请查收。如有问题请联系我。",
    "ja": "お世話になっております。添付の資料をご確認ください。",
    "ko": "안녕하세요, 이번 달 판매 보고서를 첨부합니다. 확인 부탁드립니다.",
}


@pytest.mark.parametrize("code", SAMPLES)
def test_a_sentence_tells_its_language(code: str) -> None:
    assert language_of(SAMPLES[code]) == code


@pytest.mark.parametrize(
    "text",
    ["", "4711 0815 42 3.14 2026-01-02 1000 2000", "Invoice 4711", "🎉" * 100, f"{SAMPLES['de']} {SAMPLES['en']}"],
)
def test_what_is_not_certain_is_not_said(text: str) -> None:
    assert language_of(text) == ""


def test_it_is_among_the_metadata_of_a_file() -> None:
    assert read(office_files.docx(SAMPLES["ru"] * 3)).metadata["language"] == "ru"


@pytest.mark.parametrize(
    ("declared", "text", "said"),
    [("en-US", SAMPLES["de"], "de"), ("de_AT", "4711", "de"), ("DE", "4711", "de"), ("x-none", "4711", None)],
)
def test_what_is_found_comes_before_what_is_declared(declared: str, text: str, said: str | None) -> None:
    assert finished(text, Limits(), {"language": declared}).metadata.get("language") == said


def test_without_the_library_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_cld2", lambda: None)
    assert language_of(SAMPLES["de"]) == ""


def test_a_long_text_takes_no_longer() -> None:
    began = time.perf_counter()
    language_of(SAMPLES["de"] * 100_000)
    assert time.perf_counter() - began < 1
    assert LOOK_CHARS < 10_000


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    said = language_of(text.encode("utf-8", "replace").decode())
    assert len(said) in (0, 2)
