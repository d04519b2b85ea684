"""The allow-list of charset labels: which names a mail may use, and the codec that reads each.

As browsers do (WHATWG Encoding Standard), a narrow label means its widely used superset: Latin-1 is cp1252, GB2312 is
GB18030. Not here on purpose: `punycode`, `idna`, `undefined`, `unicode_escape`, `raw_unicode_escape` and Python's
bytes-to-bytes codecs, which are slow, raise, or run escapes.
"""

import re

MAX_LABEL_CHARS = 60  # the longest real label has 28

# Codec to its labels, lower case, with `-` for `_`.
_LABELS: dict[str, str] = {
    "ascii": "us-ascii ascii ansi-x3.4-1968 646 iso646-us iso-ir-6 us",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 utf-8-sig utf8mb4 cp65001",
    "utf-7": "utf-7 utf7 unicode-1-1-utf-7",
    "utf-16": "utf-16 utf16 ucs-2 iso-10646-ucs-2 unicode",
    "utf-16-le": "utf-16le utf-16-le",
    "utf-16-be": "utf-16be utf-16-be",
    "utf-32": "utf-32 utf32 ucs-4",
    "cp1252": "windows-1252 cp1252 cp-1252 x-cp1252 ansi iso-8859-1 iso8859-1 iso88591 8859-1 latin1 latin-1 l1",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251 win-1251",
    "cp1253": "windows-1253 cp1253 x-cp1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 latin5",
    "cp1255": "windows-1255 cp1255 x-cp1255",
    "cp1256": "windows-1256 cp1256 x-cp1256",
    "cp1257": "windows-1257 cp1257 x-cp1257",
    "cp1258": "windows-1258 cp1258 x-cp1258",
    "cp874": "windows-874 cp874 tis-620 tis620 iso-8859-11 iso8859-11",
    "iso8859_2": "iso-8859-2 iso8859-2 latin2 latin-2 l2",
    "iso8859_3": "iso-8859-3 iso8859-3 latin3",
    "iso8859_4": "iso-8859-4 iso8859-4 latin4",
    "iso8859_5": "iso-8859-5 iso8859-5 cyrillic",
    "iso8859_6": "iso-8859-6 iso8859-6 iso-8859-6-i iso-8859-6-e arabic",
    "iso8859_7": "iso-8859-7 iso8859-7 greek",
    "iso8859_8": "iso-8859-8 iso8859-8 iso-8859-8-i iso-8859-8-e hebrew logical visual",
    "iso8859_10": "iso-8859-10 iso8859-10 latin6",
    "iso8859_13": "iso-8859-13 iso8859-13 latin7",
    "iso8859_14": "iso-8859-14 iso8859-14 latin8",
    "iso8859_15": "iso-8859-15 iso8859-15 latin9 latin-9 l9",
    "iso8859_16": "iso-8859-16 iso8859-16 latin10",
    "koi8_r": "koi8-r koi8r koi8 koi cskoi8r",
    "koi8_u": "koi8-u koi8-ru",
    "koi8_t": "koi8-t",
    "ptcp154": "ptcp154 pt154",
    "kz1048": "kz-1048 kz1048",
    "gb18030": "gb18030 gb2312 gbk cp936 x-gbk csgb2312 gb-2312-80 euc-cn chinese",
    "hz": "hz-gb-2312 hz",
    "big5hkscs": "big5 big-5 x-x-big5 cn-big5 csbig5 cp950 big5-hkscs big5hkscs",
    "cp932": "shift-jis sjis x-sjis ms-kanji windows-31j cp932 ms932 csshiftjis",
    "euc_jp": "euc-jp eucjp x-euc-jp cseucpkdfmtjapanese",
    "iso2022_jp_ext": "iso-2022-jp iso2022jp iso-2022-jp-1 iso-2022-jp-3 iso-2022-jp-ms csiso2022jp cp50220 cp50221",
    "iso2022_jp_2": "iso-2022-jp-2",
    "iso2022_jp_2004": "iso-2022-jp-2004",
    "iso2022_kr": "iso-2022-kr iso2022kr csiso2022kr",
    "cp949": "euc-kr euckr ks-c-5601-1987 ks-c-5601-1989 ks-c-5601 ksc5601 cp949 uhc windows-949 korean",
    "johab": "johab cp1361",
    "mac_roman": "macintosh x-mac-roman mac",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "mac_latin2": "x-mac-ce",
    "mac_greek": "x-mac-greek",
    "mac_turkish": "x-mac-turkish",
    **{
        f"cp{number}": f"cp{number} ibm{number} cp-{number}" for number in (437, 850, 852, 855, 857, 858, 862, 864, 866)
    },
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
_NOISE = re.compile(r"[\s\"';]+")


def codec_for(label: str) -> str:
    """Return the codec for a declared charset; empty if the label is not on the allow-list."""
    found = _CODECS.get(label)
    if found is None:
        found = _CODECS.get(_NOISE.sub("", label[:MAX_LABEL_CHARS]).lower().replace("_", "-"), "")
    return found


def codecs_allowed() -> frozenset[str]:
    """Return every codec that a label may lead to."""
    return frozenset(_LABELS)
