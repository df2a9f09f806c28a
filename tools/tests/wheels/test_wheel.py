from collections.abc import Callable

from packaging.version import Version

from tools.wheels.wheel import Wheel

MakeWheel = Callable[[dict[str, str | None]], Wheel]


def test_wheel_tells_what_it_holds(make_wheel: MakeWheel) -> None:
    wheel = make_wheel({})
    assert (wheel.name, wheel.version, wheel.leaf) == ("saigon-orm", Version("0.1.0"), "saigon/orm")
    assert wheel.modules == ["saigon.orm", "saigon.orm.mysql", "saigon.orm.mysql.errors"]
    assert wheel.extras == ["mysql"]


def test_siblings_are_our_own_requirements_only(make_wheel: MakeWheel) -> None:
    assert [str(each) for each in make_wheel({}).siblings] == ["saigon-model~=0.1.0"]
