"""What every test shares: how hypothesis draws its examples."""

from hypothesis import HealthCheck, settings

# A verdict may not depend on how busy the machine is. Under CI=1 hypothesis's default profile is
# already derandomized, so that a failure there repeats everywhere.
settings.register_profile(
    "kpledger",
    parent=settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("kpledger")
