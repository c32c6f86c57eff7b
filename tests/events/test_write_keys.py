import pytest

from ingestion.errors import CollectorError
from ingestion.events.collector import Sources, parse_sources, parse_write_keys


def named(sources: Sources) -> dict[str, str]:
    return {key: source.name for key, source in sources.by_key.items()}


def test_a_source_may_have_several_keys() -> None:
    expected = {"k1": "default", "k2": "default", "k3": "mobile_app"}
    assert named(parse_write_keys(" k1:default, k2:default,k3:mobile_app,")) == expected
    toml = '[sources.default]\nwrite_keys = ["k1", "k2"]\n[sources.mobile_app]\nwrite_keys = ["k3"]'
    assert named(parse_sources(toml)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "entry 1 of the write keys is not"),
        ("secret", "entry 1 of the write keys is not"),
        ("a:default,secret", "entry 2 of the write keys is not"),
        ("secret:De fault", "source 'De fault' is not a name"),
        ("secret:a,secret:b", "one write key is given to the sources 'a' and 'b'"),
    ],
)
def test_keys_that_cannot_be_read_are_refused_and_not_shown(text: str, message: str) -> None:
    with pytest.raises(CollectorError, match=message) as refused:
        parse_write_keys(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sources", "is not TOML"),
        ("", "must hold tables"),
        ("[sources]\n[other]", "must hold tables"),
        ("[sources.a]\nkeys = []", "source 'a' in sources.toml must hold 'write_keys'"),
        ("[sources.a]\nwrite_keys = [1]", "source 'a' in sources.toml must hold 'write_keys'"),
        ("[sources.a]\nwrite_keys = []", "no write key is given"),
    ],
)
def test_a_sources_file_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(CollectorError, match=message):
        parse_sources(text)
