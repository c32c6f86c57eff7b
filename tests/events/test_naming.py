import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.events.naming import event_table, identifier, property_column, snake_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # what go-snakecase's own tests ask for
        ("sample text", "sample_text"),
        ("sample-text", "sample_text"),
        ("sample___text", "sample_text"),
        ("sampleText", "sample_text"),
        ("inviteYourCustomersAddInvites", "invite_your_customers_add_invites"),
        ("   $#$sample   2    Text   ", "sample_2_text"),
        ("SAMPLE 2 TEXT", "sample_2_text"),
        ("___$$Base64Encode", "base64_encode"),
        ("FOO:BAR$BAZ", "foo_bar_baz"),
        ("something.com", "something_com"),
        ("•¶§ƒ˚foo˙∆˚¬", "foo"),
        ("CStringRef", "cstring_ref"),
        # where other implementations differ
        ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
        ("THE5r", "the5r"),
        ("2FA Enabled", "2fa_enabled"),
        ("f_pX9", "f_p_x9"),
        ("a1B", "a1_b"),
        ("_a", "a"),
        ("1_A", "1_a"),
        ("Recommendation List Viewed", "recommendation_list_viewed"),
    ],
)
def test_a_name_becomes_the_snake_case_of_segment(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@settings(deadline=None)
@given(st.text())
def test_every_name_becomes_an_identifier_and_stays_one(name: str) -> None:
    found = identifier(name)
    assert re.fullmatch(r"_?[a-z0-9]+(_[a-z0-9]+)*", found)
    assert snake_case(found) == found.removeprefix("_")


def test_names_without_ascii_letters_get_tables_of_their_own() -> None:
    assert event_table("日本") != event_table("中国")
    assert event_table("日本").startswith("_")


@pytest.mark.parametrize("event", ["Users", "tracks", "PAGES"])
def test_an_event_named_like_a_table_of_calls_gets_its_own_table(event: str) -> None:
    assert event_table(event) == "_" + event.lower()


@pytest.mark.parametrize("name", ["id", "user_id", "timestamp", "context_ip"])
def test_a_reserved_name_keeps_its_value_under_another(name: str) -> None:
    assert property_column(name) == "_" + name


def test_other_names_are_left_alone() -> None:
    assert property_column("contextual") == "contextual"
