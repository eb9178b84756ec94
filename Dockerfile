# One image for every process; the command chooses it:
#
#   docker build -t pantau:0.1.0 .
#   docker run pantau:0.1.0 python -m services.aggregator.worker
#
# It writes to /var/lib/pantau only; the rest of the file system may be read-only. SIGTERM reaches the process itself,
# without a shell or init between, and it stops in order.

FROM python:3.11-slim-bookworm AS wheels
COPY requirements/build.txt /
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r /build.txt
COPY pyproject.toml README.md LICENSE /src/
COPY sdk /src/sdk
COPY schemas /src/schemas
COPY realization /src/realization
COPY presentation /src/presentation
COPY services /src/services
COPY web /src/web
COPY deploy/__init__.py /src/deploy/__init__.py
COPY deploy/commands /src/deploy/commands
RUN cd /src/sdk && hatchling build -t wheel -d /wheels && cd .. && hatchling build -t wheel -d /wheels

FROM python:3.11-slim-bookworm AS dependencies
COPY requirements/run.txt /
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r /run.txt
COPY --from=wheels /wheels /wheels
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /wheels/*.whl \
 && /venv/bin/pip check

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PANTAU_HOST=0.0.0.0 \
    PANTAU_STATE=/var/lib/pantau
COPY --from=dependencies /venv /venv
RUN install -d -o 10001 -g 10001 /var/lib/pantau
USER 10001:10001
WORKDIR /var/lib/pantau
VOLUME /var/lib/pantau
CMD ["python", "-m", "services.aggregator.api"]
