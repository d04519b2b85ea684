"""What synthetic mails say: people, subjects and sentences in many languages, each with the charsets it is mailed in.

All invented; the domains are those that RFC 2606 reserves.
"""

from typing import NamedTuple


class Language(NamedTuple):
    """What is needed to write a mail in one language."""

    name: str
    charsets: tuple[str, ...]  # MIME labels, all able to hold the texts
    people: tuple[str, ...]
    subjects: tuple[str, ...]
    sentences: tuple[str, ...]


UTF8 = "utf-8"

LANGUAGES: tuple[Language, ...] = (
    Language(
        "English",
        ("us-ascii", UTF8, "iso-8859-1"),
        ("Ada Archer", "Ben Okoro", "Clara Finch", "Noah Pell"),
        ("Invoice for March", "Minutes of the meeting", "Lunch on Friday?", "The new schedule", "Your booking"),
        (
            "Please find the invoice attached; it is due at the end of the month.",
            "We met on Tuesday and agreed on the budget for the garden.",
            "The train leaves at nine, so let us meet on the platform.",
            "Could you look over the second chapter before Thursday?",
            "All boxes arrived safely, only the blue lamp is missing.",
            "Nobody has seen the key to the archive since last week.",
        ),
    ),
    Language(
        "German",
        (UTF8, "iso-8859-1", "iso-8859-15", "windows-1252"),
        ("Jörg Müller", "Käthe Weiß", "Anke Lüders"),
        ("Rechnung für März", "Grüße aus Köln", "Übergabe der Schlüssel"),
        (
            "Die Rechnung für die Bücher liegt bei.",
            "Am Samstag fahren wir über die Brücke nach Süden.",
            "Bitte prüfen Sie die Maße des großen Tisches.",
        ),
    ),
    Language(
        "French",
        (UTF8, "iso-8859-1", "windows-1252"),
        ("Zoé Lefèvre", "François Aubé"),
        ("Facture de février", "Réunion d'équipe", "Photos de l'été"),
        ("La réunion est déplacée à mercredi.", "Où avez-vous laissé le reçu ?", "Le café à côté est déjà fermé."),
    ),
    Language(
        "Spanish",
        (UTF8, "iso-8859-1"),
        ("Íñigo Peña", "Begoña Núñez"),
        ("Factura de año nuevo", "¿Nos vemos mañana?"),
        ("El niño llegó ayer con su compañero.", "¡Qué día tan bonito en la montaña!"),
    ),
    Language(
        "Polish",
        (UTF8, "iso-8859-2", "windows-1250"),
        ("Łukasz Żak", "Małgorzata Ćwik"),
        ("Faktura za księgę", "Źródła i wnioski"),
        ("Zażółć gęślą jaźń, proszę.", "Spotkanie odbędzie się w środę po południu."),
    ),
    Language(
        "Turkish",
        (UTF8, "iso-8859-9", "windows-1254"),
        ("Şule Işık", "Çağrı Öz"),
        ("Fatura ve ödeme", "Yarınki görüşme"),
        ("Toplantı öğleden sonra başlıyor.", "Kışın dağ yolları kapalı."),
    ),
    Language(
        "Russian",
        (UTF8, "koi8-r", "windows-1251", "iso-8859-5"),
        ("Ольга Белова", "Пётр Лесной"),
        ("Счёт за март", "Встреча в четверг"),
        ("Посылка пришла вчера вечером.", "Прошу проверить вторую главу до пятницы."),
    ),
    Language(
        "Greek",
        (UTF8, "iso-8859-7"),
        ("Ελένη Παππά",),
        ("Τιμολόγιο Μαρτίου", "Καλημέρα"),
        ("Το πλοίο φεύγει το πρωί.", "Η θάλασσα ήταν ήσυχη χθες."),
    ),
    Language(
        "Hebrew",
        (UTF8, "windows-1255", "iso-8859-8"),
        ("דנה לוי",),
        ("חשבונית למרץ",),
        ("הפגישה נדחתה ליום שני.", "הספר על השולחן."),
    ),
    Language(
        "Arabic",
        (UTF8, "windows-1256"),
        ("ليلى حداد",),
        ("فاتورة مارس",),
        ("الاجتماع يوم الاثنين.", "وصلت الكتب أمس."),
    ),
    Language(
        "Japanese",
        (UTF8, "iso-2022-jp", "shift_jis", "euc-jp"),
        ("山田花子", "佐藤健"),
        ("三月の請求書", "会議のお知らせ"),
        ("明日の会議は十時からです。", "写真を送ります。ご確認ください。"),
    ),
    Language(
        "Chinese",
        (UTF8, "gb2312", "gb18030"),
        ("王小明",),
        ("三月的发票", "会议通知"),
        ("会议改到星期三下午。", "请查收附件。"),
    ),
    Language(
        "Taiwanese",
        (UTF8, "big5"),
        ("陳美玲",),
        ("三月的發票",),
        ("會議改到星期三下午。", "請查收附件。"),
    ),
    Language(
        "Korean",
        (UTF8, "euc-kr"),
        ("김민준",),
        ("삼월 청구서",),
        ("회의는 수요일 오후입니다.", "사진을 보냅니다."),
    ),
    Language(
        "Thai",
        (UTF8, "tis-620"),
        ("สมชาย ใจดี",),
        ("ใบแจ้งหนี้",),
        ("การประชุมเลื่อนไปวันพุธ", "ส่งรูปภาพมาแล้ว"),
    ),
    Language(
        "Hindi",
        (UTF8,),
        ("मीरा शर्मा",),
        ("मार्च का चालान",),
        ("बैठक बुधवार को है।", "कृपया संलग्न फ़ाइल देखें।"),
    ),
)

# Filler of English prose, so that mails differ in their words and compress as real text does.
WORDS = """
    about above across after again almost along already also although always among another answer appear apple
    area around arrive autumn balance basket before begin behind believe better between bicycle bottle branch
    bread bridge bring brother building butter button camera candle careful carry castle ceiling centre certain
    chair change chapter cheese cherry choose circle city clean clear climb clock close coffee colour common
    complete copper corner cotton country couple course cover create curtain custom dance danger daughter decide
    deep deliver desk detail differ dinner direct distance doctor double draw dream drink drive early earth easy
    edge eight either electric empty enough enter equal evening event every exact example except explain fabric
    family famous farmer father feather field figure final finger finish first flower follow forest forget forward
    fresh friend front garden gather gentle glass golden grain great green ground group guess guide hammer handle
    happen harbour harvest heavy height history honest honey hotel house hundred hurry idea inside island jacket
    journey kettle kitchen ladder language laugh lawn leather letter library light linen listen little lower
    machine manner market marble matter meadow measure memory
    """.strip().split()
