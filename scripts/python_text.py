#!/usr/bin/python3
"""Prints how Python quotes and splits a few hundred texts, as JSON.

GStreamer's reference server leaves both to Python, so Python's own results are the measure of
ours. What counts as printable follows the Unicode tables of the Python that ran it, which the
result names.

    scripts/python_text.py | deno fmt --ext json - > tests/fixtures/gstreamer/python_text.json
"""

import json
import platform
import unicodedata

WHITESPACE = [chr(code) for code in range(0x110000) if chr(code).isspace()]

# These look like whitespace to JavaScript or to the eye, but Python takes them for other
# characters.
NO_WHITESPACE = list("\u180e\u200b\u200c\u200d\u2060\ufeff\x00\x1b\x7f\x84\x86\u2422\u2800")

# Samples every general category but surrogates, which cannot arrive in a text frame.
OTHERS = list("aZ0_\"'\\/`é\u0300ßЖ中\u0378\u0530\ue000\uf8ff\ufffd\ufdd0\uffff\xad\u061c\u202e\u2066")
OTHERS += [chr(code) for code in (0x1F600, 0x10FFFF, 0xE0001, 0xE0100, 0x1D173, 0x2FFFF, 0xF0000)]
OTHERS += [chr(code) for code in (0x1F1E6, 0x20000, 0x3134F, 0x1FAFF, 0x110BD, 0x13430, 0x1BCA0)]

COMMANDS = """
HELLO alice|HELLO  alice|HELLO alice |HELLO a b|HELLO|HELLO | HELLO alice|hello x|HELLOx y
SESSION bob|SESSION  bob|SESSION bob |SESSION a b c|SESSION|SESSION |SESSIONx bob
ROOM r|ROOM session|ROOM r |ROOM a b|ROOM|ROOM_OK r
ROOM_PEER_MSG bob hi|ROOM_PEER_MSG bob|ROOM_PEER_MSG|ROOM_PEER_MSG  bob  hi  there
ROOM_PEER_MSG bob {"sdp":{"type":"offer","sdp":"v=0"}}|ROOM_PEER_LIST|ROOM_PEER_LIST |OFFER_REQUEST
it's|say "hi"|it's "both"|'|"|'"|\\|\\'|\\"|''|don\\'t|{"a":"it's"}|__proto__|constructor
"""


def texts():
    yield from ["", " ", "  ", "a", "a b", "a b c d", " a  b   c ", "\r\n", "a\r\nb", "a\n\nb\n"]
    yield from (text for line in COMMANDS.strip().split("\n") for text in line.split("|"))
    for char in WHITESPACE + NO_WHITESPACE + OTHERS:
        # Alone, as separator, around, and in front of and behind a run of it.
        yield from (char, f"a{char}b", f"{char}HELLO{char}{char}a{char}")
        yield f"ROOM_PEER_MSG {char}bob{char} x{char}y{char}"
    for code in (*range(0x20), *range(0x7F, 0xA1)):
        yield f"<{chr(code)}>"
    yield from (f"{quote}{char}" for quote in ("'", '"', "'\"") for char in ("\\", "\n", "\x7f", "é"))


def row(text):
    return {
        "text": text,
        "repr": repr(text),
        "split": text.split(),
        "split1": text.split(maxsplit=1),
        "split2": text.split(maxsplit=2),
    }


if __name__ == "__main__":
    result = {
        "python": platform.python_version(),
        "unicode": unicodedata.unidata_version,
        "rows": [row(text) for text in dict.fromkeys(texts())],
    }
    print(json.dumps(result))
