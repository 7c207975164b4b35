# Three images of one build: `--target runtime` serves the models over V2, `--target gateway` is the
# HTTP in front of them, and the last one, `all`, is both and the page in one container. See
# docs/containers.md.
ARG BASE_IMAGE=python:3.11-slim

# ------------------------------------------------------------------------------ what makes them
FROM ${BASE_IMAGE} AS tools
RUN python -m venv /opt/pip && python -m venv --without-pip /opt/chorus
ENV PATH=/opt/pip/bin:$PATH PIP_PYTHON=/opt/chorus/bin/python PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src

# Both secrets may be absent: `pip` is a pip.conf, which names the other as cert = /run/secrets/ca.
FROM tools AS gateway-dependencies
COPY requirements-gateway.txt requirements-mlserver.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --only-binary :all: -r requirements-gateway.txt \
    && pip install --require-hashes --only-binary :all: --no-deps -r requirements-mlserver.txt

FROM tools AS runtime-dependencies
# PyTorch's own index has builds for one kind of device; without one, the index's build is for
# CPUs and NVIDIA's GPUs alike.
ARG TORCH_INDEX=
COPY requirements.txt requirements-torch.txt requirements-mlserver.txt requirements-mlflow.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --only-binary :all: -r requirements.txt -r requirements-mlflow.txt \
    && pip install ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} -r requirements-torch.txt \
    && pip install --require-hashes --only-binary :all: --no-deps -r requirements-mlserver.txt

# Without gradio's own programs.
FROM tools AS page-dependencies
COPY requirements-ui.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --only-binary :all: --no-deps --prefix /page -r requirements-ui.txt \
    && rm -r /page/bin

# Chorus itself, for a layer of its own: a new version of it is four megabytes to pull. Each image has
# the packages that its program may import. What makes a wheel of them asks for some of the gateway's.
FROM gateway-dependencies AS packager
COPY requirements-build.txt .
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
    --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --only-binary :all: \
      -r requirements-gateway.txt -r requirements-build.txt
COPY pyproject.toml README.md ./

FROM packager AS gateway-package
COPY runtimes/chorus runtimes/chorus
COPY runtimes/chorus_discovery runtimes/chorus_discovery
COPY runtimes/chorus_gateway runtimes/chorus_gateway
COPY runtimes/chorus_http runtimes/chorus_http
COPY runtimes/chorus_weights runtimes/chorus_weights
RUN pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip install --no-cache-dir --no-index --no-deps --prefix /package /wheels/*.whl

FROM packager AS runtime-package
COPY runtimes/chorus runtimes/chorus
COPY runtimes/chorus_discovery runtimes/chorus_discovery
COPY runtimes/chorus_http runtimes/chorus_http
COPY runtimes/chorus_weights runtimes/chorus_weights
COPY runtimes/mlserver_chorus runtimes/mlserver_chorus
RUN pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip install --no-cache-dir --no-index --no-deps --prefix /package /wheels/*.whl

FROM packager AS all-package
COPY runtimes runtimes
RUN pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip install --no-cache-dir --no-index --no-deps --prefix /package /wheels/*.whl

# The server loads every model below its folder, and the group's stand-ins are in no image.
FROM tools AS runtime-models
COPY models /models
RUN mv /models/tasks /tasks && ln -sf ../settings/settings.json /tasks/settings.json

# ------------------------------------------------------------------------------ what is shipped
# Without pip, and without programs that give whoever starts them another user's rights.
FROM ${BASE_IMAGE} AS base
RUN rm -rf /usr/share/python-wheels /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip \
      /usr/local/lib/python3*/site-packages/* /usr/local/bin/pip* \
    && groupadd --gid 10001 chorus \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /scratch chorus \
    && install -d -o 10001 -g 0 -m 0775 /scratch /models \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# Only what is installed can be imported: the working folder is writable. HOME and all that is
# temporary go there, so that everything else can be read-only.
ENV PATH=/opt/chorus/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 \
    HOME=/scratch TMPDIR=/scratch HF_HOME=/models \
    CHORUS_MODELS_DIR=/opt/chorus/models
LABEL org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /scratch
STOPSIGNAL SIGTERM

FROM base AS gateway
LABEL org.opencontainers.image.title="chorus-gateway" \
      org.opencontainers.image.description="Hugging Face requests in, V2 calls out"
COPY --from=gateway-dependencies /opt/chorus /opt/chorus
COPY --from=gateway-package /package /opt/chorus
COPY LICENSE /opt/chorus/
ENV CHORUS_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=3); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["python", "-m", "chorus_gateway"]
ARG REVISION=
LABEL org.opencontainers.image.revision="${REVISION}"

FROM base AS models
COPY --from=runtime-dependencies /opt/chorus /opt/chorus
COPY LICENSE /opt/chorus/
COPY settings /opt/chorus/settings
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM models AS runtime
LABEL org.opencontainers.image.title="chorus-runtime" \
      org.opencontainers.image.description="Hugging Face models on MLServer, over V2"
COPY --from=runtime-package /package /opt/chorus
COPY --from=runtime-models /models /opt/chorus/models
COPY --from=runtime-models /tasks /opt/chorus/tasks
USER 10001:10001
EXPOSE 8080 8081 8082
HEALTHCHECK --interval=5s --timeout=4s --start-period=120s --retries=3 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=3); c.request('GET', '/v2/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["python", "-m", "mlserver_chorus.server", "--host", "0.0.0.0"]
ARG REVISION=
LABEL org.opencontainers.image.revision="${REVISION}"

FROM models AS all
LABEL org.opencontainers.image.title="chorus" \
      org.opencontainers.image.description="Hugging Face models on MLServer: one text in, every model's answer out"
COPY --from=page-dependencies /page /opt/chorus
COPY --from=all-package /package /opt/chorus
COPY models /opt/chorus/models
ENV CHORUS_MODELS_LOCK=/models/models.lock CHORUS_UI=true
USER 10001:10001
EXPOSE 7860 8000 8080 8081 8082
HEALTHCHECK --interval=5s --timeout=4s --start-period=120s --retries=3 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=3); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["chorus", "serve", "--host", "0.0.0.0"]
ARG REVISION=
LABEL org.opencontainers.image.revision="${REVISION}"
