"""Makes ``twistd clawgate`` known."""

from twisted.application.service import ServiceMaker

clawgate = ServiceMaker(
    "clawgate",
    "clawgate.service",
    "A streaming gateway: ownCloud and Nextcloud clients sync storage that a site already has",
    "clawgate",
)
