from tools.bench.peak import Reading, peaks
from tools.bench.run import start_run


def test_peak_of_a_list_grows_with_its_rows() -> None:
    with start_run(20_000) as run:
        small, large = peaks(Reading(run.orders_url("sqlite"), "fetch_all", (200, 20_000)))
    assert 5_000_000 < large - small < 100_000_000
