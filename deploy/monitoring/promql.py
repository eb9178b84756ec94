"""The PromQL that the dashboards repeat."""

from typing import Final

from deploy.monitoring.panels import Query

# A worker still exports the last values of a partition that it gave up. Only those of the owner count.
OWNED: Final = "and on (instance, partition) (pantau_partition_owned == 1)"


def rate(metric: str, by: str, matching: str = "", window: str = "$__rate_interval") -> str:
    """Per second, summed by labels."""
    selector = f"{metric}{{{matching}}}" if matching else metric
    return f"sum by ({by}) (rate({selector}[{window}]))"


def quantile(share: float, histogram: str, by: str = "", matching: str = "", window: str = "$__rate_interval") -> str:
    """A quantile of a histogram, over all processes."""
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, matching, window)})"


def quantiles(histogram: str, window: str = "$__rate_interval") -> tuple[Query, ...]:
    """Median and 99th percentile."""
    return (
        Query(quantile(0.5, histogram, window=window), "half are below"),
        Query(quantile(0.99, histogram, window=window), "99 % are below"),
    )
