"""What can be wrong with a mail that is stored all the same: a closed list of stable slugs.

They are kept with the mail (`Message.defects`) and counted (`email_ingestion_mail_defects_total`).
"""

from enum import StrEnum


class Defect(StrEnum):
    """One thing that was wrong, and what was done about it."""

    EMPTY = "empty"  # no bytes at all: stored as a mail without anything
    NO_HEADERS = "no_headers"  # the first line is no header field: all of it became the body
    BAD_HEADER_LINE = "bad_header_line"  # a line among the header fields that is none: skipped
    MISSING_HEADER_END = (
        "missing_header_end"  # no empty line before the body: it begins at the first line that is no field
    )
    HEADERS_TOO_LARGE = "headers_too_large"  # header block over its limit: fields past it were not read
    LINE_TOO_LONG = "line_too_long"  # header field over its limit: cut
    RAW_8BIT_HEADER = "raw_8bit_header"  # a header field holds bytes above 127 that are no UTF-8: charset guessed
    BARE_CR = "bare_cr"  # lines end in CR alone: read as lines all the same
    MISSING_BOUNDARY = "missing_boundary"  # multipart without a boundary parameter: guessed from its body
    NO_PARTS = "no_parts"  # multipart in which its boundary never occurs: its body was read as text
    MISSING_END_BOUNDARY = "missing_end_boundary"  # multipart without its last delimiter: probably truncated
    TOO_MANY_PARTS = "too_many_parts"  # over the limit: the parts past it were left out
    TOO_DEEP = "too_deep"  # nested over the limit: what lies deeper counts as one opaque part
    BAD_BASE64 = "bad_base64"  # characters outside the alphabet, or cut off: what could be decoded was kept
    BAD_UUENCODE = "bad_uuencode"  # lines that do not decode: left out
    UNKNOWN_ENCODING = "unknown_encoding"  # Content-Transfer-Encoding that nobody knows: taken as 8bit
    UNKNOWN_CHARSET = "unknown_charset"  # charset not on the allow-list: guessed
    BAD_CHARSET = "bad_charset"  # text not readable in its charset: another was guessed, or characters replaced
    BAD_DATE = "bad_date"  # Date present but unreadable: no date
    MISSING_DATE = "missing_date"  # no Date field
    MISSING_FROM = "missing_from"  # neither From nor Sender
    BAD_ADDRESS = "bad_address"  # an address field of which nothing could be read
    TOO_MANY_ADDRESSES = "too_many_addresses"  # an address field over its limit: the rest was left out
    BODY_TRUNCATED = "body_truncated"  # body text over its limit: cut, with a mark at its end
