FROM python:3.12-slim
LABEL org.opencontainers.image.title="web app" \
      org.opencontainers.image.vendor="Example, Inc."
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=off
RUN apt-get update && \
    apt-get install -y --no-install-recommends \
        gcc \
        libpq-dev && \
    rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . /srv
HEALTHCHECK --interval=30s CMD curl -fsS http://localhost:8000/ || exit 1
ENTRYPOINT ["gunicorn"]
CMD ["-b", "0.0.0.0:8000", "app:app"]
