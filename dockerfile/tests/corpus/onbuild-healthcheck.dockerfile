FROM busybox
ONBUILD RUN ["true"]
ONBUILD COPY --chown=1 a /b
HEALTHCHECK --interval=5m --timeout=3s --start-period=1s --start-interval=500ms --retries=3 CMD curl -f http://localhost/ || exit 1
HEALTHCHECK NONE
HEALTHCHECK CMD ["true"]
