from zoo.testing import check_head


def test_hello_head_keeps_what_its_kind_promises() -> None:
    check_head("hello-head")
