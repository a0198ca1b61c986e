# The service alone; docker-compose.yml puts PostgreSQL and NATS beside it.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/parley
# Libraries first, so that a change of code does not install them anew.
COPY requirements.txt /src/
RUN /opt/parley/bin/pip install --only-binary :all: --require-hashes --requirement /src/requirements.txt
COPY pyproject.toml hatch_build.py README.md LICENSE /src/
COPY service /src/service
COPY migrations /src/migrations
COPY openapi /src/openapi
COPY seeds /src/seeds
RUN /opt/parley/bin/pip install --no-deps /src

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/parley --shell /usr/sbin/nologin parley \
    && install --directory --owner parley --group parley --mode 0750 /var/lib/parley
COPY --from=build /opt/parley /opt/parley
# Without a server's URL the ledger is a SQLite file: mount a volume on /var/lib/parley to keep it. The service listens
# on the container's loopback only until PARLEY_HOST says otherwise, as it does on any machine.
ENV PATH=/opt/parley/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PARLEY_DATABASE_URL=sqlite:////var/lib/parley/parley.db
USER 10001:10001
WORKDIR /var/lib/parley
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('PARLEY_PORT', '8000') + '/readyz', timeout=4)"]
ENTRYPOINT ["parley"]
CMD ["serve"]
