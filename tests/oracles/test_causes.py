"""Every cause can be told to somebody who has not read the code."""

from alys.oracles.causes import MEANING, Cause


def test_every_cause_has_plain_words_of_its_own() -> None:
    assert set(MEANING) == set(Cause)
    assert len(set(MEANING.values())) == len(Cause)


def test_plain_words_are_a_phrase_without_names_from_the_code() -> None:
    for cause, words in MEANING.items():
        assert len(words.split()) >= 5, cause
        assert "_" not in words, cause
        assert not words.endswith("."), cause
