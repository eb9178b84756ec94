# One image for every process; which one it is, the command says:
#
#   docker build -t pantau:0.1.0 .
#   docker run pantau:0.1.0 python -m services.aggregator.worker
#
# Needs nothing but a place to write, /var/lib/pantau; the rest of the file system may be read-only. SIGTERM goes to
# the process itself, which stops in order; no shell or init stands between.

FROM python:3.11-slim-bookworm AS dependencies
COPY requirements/run.txt /
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r /run.txt \
 && /venv/bin/pip check

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PANTAU_HOST=0.0.0.0 \
    PANTAU_STATE=/var/lib/pantau
COPY --from=dependencies /venv /venv
COPY schemas /app/schemas
COPY realization /app/realization
COPY services /app/services
COPY web /app/web
RUN python -m compileall -q /app && install -d -o 10001 -g 10001 /var/lib/pantau
USER 10001:10001
WORKDIR /var/lib/pantau
VOLUME /var/lib/pantau
CMD ["python", "-m", "services.aggregator.api"]
