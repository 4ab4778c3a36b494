"""What the user is told for some seconds."""

from vr_app.core.scene.notices import NOTICE_SECONDS, Notices


def test_a_notice_is_shown_for_its_time_and_said_once():
    said = []
    notices = Notices(said.append)
    notices.tell("cannot be read")
    notices.pass_time(NOTICE_SECONDS / 2)
    notices.tell("cannot be read")
    notices.tell("Screenshot saved")
    assert notices.shown == ("cannot be read", "Screenshot saved")
    assert said == ["fundusxr: cannot be read", "fundusxr: Screenshot saved"]
    notices.pass_time(NOTICE_SECONDS / 2)
    assert notices.shown == ("Screenshot saved",)
    notices.tell("cannot be read")
    assert said[2:] == ["fundusxr: cannot be read"]


def test_what_was_told_of_the_headset_ends_with_the_next_and_is_told_again():
    said = []
    notices = Notices(said.append)
    for text in ("lost", "back", "lost"):
        notices.tell_of_headset(text)
        assert notices.shown == (text,)
    assert len(said) == 3
