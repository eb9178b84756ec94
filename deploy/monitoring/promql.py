"""PromQL as the dashboards write it again and again."""

from typing import Final

from deploy.monitoring.panels import Query

# A worker keeps telling what it knew of a partition that it gave up. Only the owner's word counts.
OWNED: Final = "and on (instance, partition) (pantau_partition_owned == 1)"


def rate(metric: str, by: str, matching: str = "") -> str:
    """Per second, summed by labels."""
    return f"sum by ({by}) (rate({metric}{{{matching}}}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "", matching: str = "") -> str:
    """A quantile of a histogram, over all processes."""
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, matching)})"


def quantiles(histogram: str, by: str = "", matching: str = "") -> tuple[Query, ...]:
    """Median and 99th percentile."""
    legend = f" {{{{{by}}}}}" if by else ""
    return (
        Query(quantile(0.5, histogram, by, matching), f"half are below{legend}"),
        Query(quantile(0.99, histogram, by, matching), f"99 % are below{legend}"),
    )
